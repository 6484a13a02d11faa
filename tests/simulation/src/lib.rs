#![doc = include_str!("../README.md")]

pub mod inference;
pub mod table;
