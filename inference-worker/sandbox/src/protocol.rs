//! The messages between worker and engine process.
//!
//! A message is a u32-LE length, a version byte and SCALE; the length counts the version byte. The worker asks and the
//! engine process answers, one request at a time. While a run goes on, each step is a [`Reply::Progress`] that waits for
//! [`Request::Continue`] or [`Request::Cancel`], so that a run stops after the same step as it would in the worker's own
//! process.

use std::io::{self, ErrorKind, Read, Write};

use autonomy_primitives::{trace::TraceOpening, Digest};
use codec::{Decode, DecodeAll, Encode};

use crate::{ComputeError, Computed, Job, Trace};

/// Version of the messages. Both sides are one program, so a difference means that the other side is something else.
const VERSION: u8 = 2;

/// Most bytes of a [`Reply::Progress`]'s text. A step says a token, which is a word or less in any language; but whoever made
/// the model made its tokens too.
pub(crate) const MAX_SAID: usize = 1 << 10;

/// Why the other side was not understood.
#[derive(Debug, thiserror::Error)]
pub enum ProtocolError {
	/// The other side is gone.
	#[error("the other side closed the connection")]
	Ended,
	/// The pipe failed.
	#[error("{0}")]
	Io(io::Error),
	/// A length that no message has.
	#[error("a message of {0} bytes, the limit is {1}")]
	Length(u64, u32),
	/// Another version of this protocol, or no such protocol.
	#[error("a message of version {0}, this build has version {VERSION}")]
	Version(u8),
	/// Bytes that are no message.
	#[error("a message that cannot be read: {0}")]
	Malformed(#[from] codec::Error),
	/// A message that does not belong where it came.
	#[error("{0} where it does not belong")]
	Unexpected(&'static str),
}

impl From<io::Error> for ProtocolError {
	fn from(error: io::Error) -> Self {
		match error.kind() {
			ErrorKind::UnexpectedEof | ErrorKind::BrokenPipe => Self::Ended,
			_ => Self::Io(error),
		}
	}
}

/// A side's messages.
pub(crate) trait Message: Encode + Decode {
	/// Longest message, in bytes with the version byte.
	const LIMIT: u32;
}

/// What the worker says.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub(crate) enum Request {
	/// The first message.
	#[codec(index = 1)]
	Hello {
		/// The worker's process id.
		parent: u32,
		/// Bytes of memory.
		memory_limit: u64,
		/// Whether replies are told while they are written.
		said: bool,
	},
	/// Opens a model; answered by `Loaded`.
	#[codec(index = 2)]
	Load {
		/// The folder, as the system writes it.
		folder: Vec<u8>,
		/// What the folder's manifest must say.
		weights_root: Digest,
	},
	/// Runs a model that was loaded; answered by `Done`.
	#[codec(index = 3)]
	Run {
		/// The model.
		weights_root: Digest,
		/// What on.
		job: Job,
	},
	/// Runs a model that was loaded and opens a chunk of the trace; answered by `Opened`.
	#[codec(index = 4)]
	OpenTrace {
		/// The model.
		weights_root: Digest,
		/// What on.
		job: Job,
		/// Who opens it.
		operator: [u8; 32],
		/// What chance picks the chunk by.
		draw: Digest,
	},
	/// Runs a model that was loaded and keeps the root of each step; answered by `Traced`.
	#[codec(index = 7)]
	Trace {
		/// The model.
		weights_root: Digest,
		/// What on.
		job: Job,
	},
	/// Closes a model, if one is named, and gives the system back whatever is free; answered by `Freed`.
	#[codec(index = 8)]
	Free {
		/// The model.
		weights_root: Option<Digest>,
	},
	/// The run may go on.
	#[codec(index = 5)]
	Continue,
	/// The run is to end.
	#[codec(index = 6)]
	Cancel,
}

/// What the engine process says. No index is one of [`Request`]'s, so that an echo is not taken for an answer.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub(crate) enum Reply {
	/// The limits are set.
	#[codec(index = 129)]
	Ready,
	/// The model can be run.
	#[codec(index = 130)]
	Loaded,
	/// A step of a run is done.
	#[codec(index = 131)]
	Progress {
		/// Steps done.
		step: u32,
		/// Steps in all.
		steps: u32,
		/// What a reply has gained since the step before, at most [`MAX_SAID`] bytes; nothing unless it was asked for.
		said: String,
	},
	/// The run is done.
	#[codec(index = 132)]
	Done(Computed),
	/// The run is done, with a chunk of its trace and the roots of its steps.
	#[codec(index = 133)]
	Opened(Computed, TraceOpening, Trace),
	/// The run is done, with the roots of its steps.
	#[codec(index = 135)]
	Traced(Computed, Trace),
	/// The model is closed, and its memory is the system's again.
	#[codec(index = 136)]
	Freed,
	/// The request failed; the process is fine.
	#[codec(index = 134)]
	Failed(ComputeError),
}

impl Reply {
	/// The message's name.
	pub(crate) fn name(&self) -> &'static str {
		match self {
			Self::Ready => "Ready",
			Self::Loaded => "Loaded",
			Self::Progress { .. } => "Progress",
			Self::Done(_) => "Done",
			Self::Opened(..) => "Opened",
			Self::Traced(..) => "Traced",
			Self::Freed => "Freed",
			Self::Failed(_) => "Failed",
		}
	}
}

impl Message for Request {
	const LIMIT: u32 = 64 << 10;
}

impl Message for Reply {
	// Pixels that no compression makes smaller: a picture of 4096 × 4096 has 48 MiB as PNG, a sprite sheet of sixteen cells
	// of 1024 × 1024 64 MiB, and an animation of 32 such frames 48 MiB as GIF, which takes a byte and a half a pixel at most.
	const LIMIT: u32 = 128 << 20;
}

/// Sends a message. One that is beyond its limit is not begun.
pub(crate) fn write<M: Message>(output: &mut impl Write, message: &M) -> Result<(), ProtocolError> {
	let mut frame = vec![0, 0, 0, 0, VERSION];
	message.encode_to(&mut frame);
	let length = frame.len() as u64 - 4;
	if length > M::LIMIT.into() {
		return Err(ProtocolError::Length(length, M::LIMIT));
	}
	frame[..4].copy_from_slice(&(length as u32).to_le_bytes());
	output.write_all(&frame)?;
	Ok(output.flush()?)
}

/// Waits for a message.
pub(crate) fn read<M: Message>(input: &mut impl Read) -> Result<M, ProtocolError> {
	let mut length = [0; 4];
	input.read_exact(&mut length)?;
	let length = u32::from_le_bytes(length);
	if !(1..=M::LIMIT).contains(&length) {
		return Err(ProtocolError::Length(length.into(), M::LIMIT));
	}
	// Memory is taken as bytes come, not as a length announces them.
	let mut frame = Vec::new();
	input.take(length.into()).read_to_end(&mut frame)?;
	if frame.len() < length as usize {
		return Err(ProtocolError::Ended);
	}
	match frame.split_first() {
		Some((&VERSION, mut body)) => Ok(M::decode_all(&mut body)?),
		version => Err(ProtocolError::Version(version.map_or(0, |(v, _)| *v))),
	}
}

#[cfg(test)]
mod tests {
	use super::*;
	use crate::EvaluationFiles;
	use autonomy_primitives::job::TextInput;
	use proptest::prelude::*;

	fn job() -> Job {
		let input = TextInput {
			prompt: b"hi".to_vec().try_into().unwrap(),
			max_tokens: 8,
			temperature_centi: 70,
			top_p_permille: 900,
			top_k: 40,
		};
		let evaluation = Some(EvaluationFiles::new("/models/\u{e9}".as_ref(), "/sets/x".as_ref()));
		let input = autonomy_primitives::job::JobInput::Text(input);
		Job { input, seed: [1; 32], genesis: [2; 32], evaluation, persona: Some(b"wry".to_vec()) }
	}

	fn sent<M: Message>(message: &M) -> Vec<u8> {
		let mut bytes = Vec::new();
		write(&mut bytes, message).unwrap();
		bytes
	}

	#[test]
	fn request_should_arrive_as_it_was_sent() {
		for request in [
			Request::Hello { parent: 7, memory_limit: 1 << 40, said: true },
			Request::Load { folder: b"/models/\xff".to_vec(), weights_root: [3; 32] },
			Request::Run { weights_root: [3; 32], job: job() },
			Request::OpenTrace { weights_root: [3; 32], job: job(), operator: [4; 32], draw: [5; 32] },
			Request::Trace { weights_root: [3; 32], job: job() },
			Request::Free { weights_root: Some([3; 32]) },
			Request::Free { weights_root: None },
			Request::Continue,
			Request::Cancel,
		] {
			assert_eq!(read::<Request>(&mut &sent(&request)[..]).unwrap(), request);
		}
	}

	#[test]
	fn reply_should_arrive_as_it_was_sent() {
		let computed = Computed { result: [1; 32], trace_root: [2; 32], artifact: [3; 36], bytes: vec![4; 9] };
		let states = [vec![5; 3000], vec![6; 3000]];
		let opening = TraceOpening::new(&states, &[7; 32], &[8; 32]).unwrap();
		let trace = Trace { chunks: 3, step_roots: vec![[9; 32]; 50] };
		for reply in [
			Reply::Ready,
			Reply::Loaded,
			Reply::Progress { step: 1, steps: 2, said: " l\u{e4}mp\n\u{1b}[2J".into() },
			Reply::Freed,
			Reply::Done(computed.clone()),
			Reply::Opened(computed.clone(), opening, trace.clone()),
			Reply::Traced(computed, trace),
			Reply::Failed(ComputeError::Cancelled),
		] {
			assert_eq!(read::<Reply>(&mut &sent(&reply)[..]).unwrap(), reply);
		}
	}

	#[test]
	fn echo_should_be_refused_when_an_answer_is_expected() {
		let echo = sent(&Request::Hello { parent: 7, memory_limit: 0, said: false });
		assert!(matches!(read::<Reply>(&mut &echo[..]), Err(ProtocolError::Malformed(_))));
	}

	#[test]
	fn message_should_be_refused_when_it_is_not_whole_or_too_long() {
		let whole = sent(&Reply::Progress { step: 1, steps: 2, said: "lamp".into() });
		for cut in 0..whole.len() {
			assert!(matches!(read::<Reply>(&mut &whole[..cut]), Err(ProtocolError::Ended)), "{cut}");
		}
		let mut longer = whole.clone();
		longer[0] += 1;
		longer.push(0);
		assert!(matches!(read::<Reply>(&mut &longer[..]), Err(ProtocolError::Malformed(_))));
		let mut version = whole;
		version[4] = 9;
		assert!(matches!(read::<Reply>(&mut &version[..]), Err(ProtocolError::Version(9))));
		let words = &b"panic: out of luck"[..];
		assert!(matches!(read::<Reply>(&mut &*words), Err(ProtocolError::Length(..))));

		let bytes = vec![0; Reply::LIMIT as usize];
		let huge = Reply::Done(Computed { result: [0; 32], trace_root: [0; 32], artifact: [0; 36], bytes });
		let mut none = Vec::new();
		assert!(matches!(write(&mut none, &huge), Err(ProtocolError::Length(..))));
		assert!(none.is_empty());
	}

	#[test]
	fn text_should_be_refused_when_it_is_none() {
		let mut bytes = sent(&Reply::Progress { step: 1, steps: 2, said: "lamp".into() });
		*bytes.last_mut().unwrap() = 0xff;
		assert!(matches!(read::<Reply>(&mut &bytes[..]), Err(ProtocolError::Malformed(_))));
	}

	proptest! {
		#[test]
		fn reader_should_never_panic_when_bytes_are_random(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
			let _ = read::<Reply>(&mut &bytes[..]);
			let mut framed = (bytes.len() as u32 + 1).to_le_bytes().to_vec();
			framed.push(VERSION);
			framed.extend(&bytes);
			let _ = read::<Reply>(&mut &framed[..]);
			let _ = read::<Request>(&mut &framed[..]);
		}
	}
}
