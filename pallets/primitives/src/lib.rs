//! Types and digests that the runtime and the worker share.
//!
//! Nothing here knows of FRAME or of a network: a job's input and its limits ([`job`]), what a model offers ([`model`]) and
//! how its versions are compared ([`evaluation`]), what AIs decide ([`ballot`]), characters ([`character`]), communities ([`community`]) and who is paid
//! ([`payout`]) as the pallets see each other's part of them, hash trees ([`merkle`]), the trace of a run ([`trace`]), faults
//! ([`fault`]) and the digests that go on chain ([`digest`]). The worker and the runtime use the same
//! functions, so that they can never disagree about a byte.

#![cfg_attr(not(feature = "std"), no_std)]

extern crate alloc;

pub mod ballot;
pub mod character;
pub mod community;
pub mod digest;
pub mod evaluation;
pub mod fault;
pub mod job;
pub mod merkle;
pub mod model;
pub mod payout;
pub mod trace;

/// A 32-byte BLAKE2b-256 digest.
pub type Digest = [u8; 32];
/// Number of a model, counted from 0 in the order of registration. It is also the model's item in the Models collection.
pub type ModelId = u32;
/// Number of a character, counted from 0 in the order of creation. It is also the character's item in the Characters
/// collection.
pub type CharacterId = u32;
/// Number of a job, counted from 0 in the order of submission.
pub type JobId = u64;
