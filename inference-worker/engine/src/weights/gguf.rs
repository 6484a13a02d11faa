//! GGUF as storage: the weights of a language model in ggml's file format, widened to f32 when they are read.
//!
//! Only storage. Arithmetic stays in f32 by the exact kernels; `config.json` and the tokenizer's files lie beside the file.
//! Every value follows from the file's bits by one rule, in f32 with each operation rounded by itself:
//!
//! | type | a block | values |
//! | --- | --- | --- |
//! | F32, F16, BF16 | 1 | as they are |
//! | Q8_0 | 32: d, 32 signed bytes q | q·d |
//! | Q4_0 | 32: d, 16 bytes | (q − 8)·d; the low halves of all bytes, then the high ones |
//! | Q4_1 | 32: d, m, 16 bytes | q·d + m, in the order of Q4_0 |
//! | Q5_0 | 32: d, 32 fifth bits, 16 bytes | (q − 16)·d, in the order of Q4_0 |
//! | Q5_1 | 32: d, m, 32 fifth bits, 16 bytes | q·d + m, in the order of Q4_0 |
//! | Q4_K, Q5_K | 256: d, dmin, 8 scales s and minima m of 6 bits, (fifth bits,) 128 bytes | (d·s)·q − (dmin·m) |
//! | Q6_K | 256: 128 bytes, 64 bytes of upper bits, 16 signed scales s, d | (d·s)·(q − 32) |
//!
//! A length in the file is compared with the file's own before anything is allocated for it.

use super::header::{shown, MAX_TENSORS};
use super::ModelFolder;
use crate::EngineError;
use candle_core::{DType, Device, Shape, Tensor};
use candle_nn::var_builder::SimpleBackend;
use candle_nn::VarBuilder;
use std::collections::BTreeMap;
use std::fmt;
use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

const MAGIC: [u8; 4] = *b"GGUF";
/// Where the file does not say.
const ALIGNMENT: u64 = 32;
const MOST_ALIGNMENT: u64 = 1 << 20;
const MOST_DIMENSIONS: u32 = 4;
/// Bytes of a key or of a tensor's name.
const MOST_NAME: u64 = 1 << 16;
/// Longer texts of the metadata are passed over: templates, lists of words.
const MOST_TEXT: u64 = 1 << 12;
/// Entries of the metadata. Published files have some dozens.
const MOST_METADATA: u64 = 1 << 16;
/// Bytes of all keys, names and texts that are kept. Published files have less than 100 KB.
const MOST_KEPT: u64 = 16 << 20;
/// Fewest bytes of a tensor's entry: the length of its name, a dimension with its count, type and offset.
const LEAST_TENSOR: u64 = 8 + 4 + 8 + 4 + 8;
/// Fewest bytes of a metadata entry: the length of its key, type and a value.
const LEAST_METADATA: u64 = 8 + 4 + 1;
/// Bytes that are read at once, about.
const PIECE: usize = 1 << 20;

/// How the values of a tensor are stored.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum GgufType {
	/// IEEE single precision.
	F32,
	/// IEEE half precision.
	F16,
	/// The upper half of single precision.
	BF16,
	/// 4 bits and a scale.
	Q4_0,
	/// 4 bits, a scale and a minimum.
	Q4_1,
	/// 5 bits and a scale.
	Q5_0,
	/// 5 bits, a scale and a minimum.
	Q5_1,
	/// 8 bits and a scale.
	Q8_0,
	/// 4 bits in blocks of blocks.
	Q4K,
	/// 5 bits in blocks of blocks.
	Q5K,
	/// 6 bits in blocks of blocks.
	Q6K,
}

impl GgufType {
	fn new(id: u32) -> Result<Self, String> {
		Ok(match id {
			0 => Self::F32,
			1 => Self::F16,
			2 => Self::Q4_0,
			3 => Self::Q4_1,
			6 => Self::Q5_0,
			7 => Self::Q5_1,
			8 => Self::Q8_0,
			12 => Self::Q4K,
			13 => Self::Q5K,
			14 => Self::Q6K,
			30 => Self::BF16,
			other => {
				let name = match other {
					10 => " (Q2_K)",
					11 => " (Q3_K)",
					15 => " (Q8_K)",
					16..=23 | 29 => " (an IQ type)",
					28 => " (F64)",
					_ => "",
				};
				return Err(format!(
					"type {other}{name}; F32, F16, BF16, Q4_0, Q4_1, Q5_0, Q5_1, Q8_0, Q4_K, Q5_K and Q6_K are supported"
				));
			}
		})
	}

	/// Values and bytes of a block.
	fn block(self) -> (usize, usize) {
		match self {
			Self::F32 => (1, 4),
			Self::F16 | Self::BF16 => (1, 2),
			Self::Q4_0 => (32, 18),
			Self::Q4_1 => (32, 20),
			Self::Q5_0 => (32, 22),
			Self::Q5_1 => (32, 24),
			Self::Q8_0 => (32, 34),
			Self::Q4K => (256, 144),
			Self::Q5K => (256, 176),
			Self::Q6K => (256, 210),
		}
	}

	/// Appends the values of whole blocks. What is left over is no block, and passed over.
	pub fn widen(self, bytes: &[u8], values: &mut Vec<f32>) {
		let blocks = bytes.chunks_exact(self.block().1);
		match self {
			Self::F32 => values.extend(blocks.map(|x| f32::from_le_bytes([x[0], x[1], x[2], x[3]]))),
			Self::F16 => values.extend(blocks.map(half)),
			Self::BF16 => values.extend(blocks.map(|x| f32::from_le_bytes([0, 0, x[0], x[1]]))),
			Self::Q8_0 => {
				for block in blocks {
					let d = half(block);
					values.extend(block[2..].iter().map(|q| f32::from(*q as i8) * d));
				}
			}
			Self::Q4_0 => {
				for block in blocks {
					let (d, q) = (half(block), &block[2..]);
					let value = |q: u8| (f32::from(q) - 8.0) * d;
					values.extend(q.iter().map(|q| value(q & 15)));
					values.extend(q.iter().map(|q| value(q >> 4)));
				}
			}
			Self::Q4_1 => {
				for block in blocks {
					let (d, m, q) = (half(block), half(&block[2..]), &block[4..]);
					let value = |q: u8| f32::from(q) * d + m;
					values.extend(q.iter().map(|q| value(q & 15)));
					values.extend(q.iter().map(|q| value(q >> 4)));
				}
			}
			Self::Q5_0 => {
				for block in blocks {
					let (d, q) = (half(block), &block[6..]);
					values.extend(fifths(&block[2..6], q).map(|q| (f32::from(q) - 16.0) * d));
				}
			}
			Self::Q5_1 => {
				for block in blocks {
					let (d, m, q) = (half(block), half(&block[2..]), &block[8..]);
					values.extend(fifths(&block[4..8], q).map(|q| f32::from(q) * d + m));
				}
			}
			Self::Q4K => {
				for block in blocks {
					let (scales, q) = (&block[4..16], &block[16..]);
					widen_k(block, scales, q, |_, _| 0, values);
				}
			}
			Self::Q5K => {
				for block in blocks {
					let (scales, fifth, q) = (&block[4..16], &block[16..48], &block[48..]);
					widen_k(block, scales, q, |part, i| ((fifth[i] >> part) & 1) << 4, values);
				}
			}
			Self::Q6K => blocks.for_each(|block| widen_q6(block, values)),
		}
	}
}

impl fmt::Display for GgufType {
	fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
		f.write_str(match self {
			Self::F32 => "F32",
			Self::F16 => "F16",
			Self::BF16 => "BF16",
			Self::Q4_0 => "Q4_0",
			Self::Q4_1 => "Q4_1",
			Self::Q5_0 => "Q5_0",
			Self::Q5_1 => "Q5_1",
			Self::Q8_0 => "Q8_0",
			Self::Q4K => "Q4_K",
			Self::Q5K => "Q5_K",
			Self::Q6K => "Q6_K",
		})
	}
}

/// The half-precision number in the first two bytes.
fn half(bytes: &[u8]) -> f32 {
	let bits = u32::from(u16::from_le_bytes([bytes[0], bytes[1]]));
	let (sign, exponent, fraction) = ((bits >> 15) << 31, (bits >> 10) & 31, bits & 1023);
	f32::from_bits(match exponent {
		// In units of 2⁻²⁴: a product that is exact.
		0 => sign | (fraction as f32 * (1.0 / 16_777_216.0)).to_bits(),
		31 => sign | (255 << 23) | (fraction << 13),
		// The exponent is counted from −127 instead of from −15.
		_ => sign | ((exponent + 112) << 23) | (fraction << 13),
	})
}

/// The 32 numbers of 5 bits of a block: the upper bits in four bytes, the others in the halves of 16.
fn fifths<'a>(upper: &[u8], lower: &'a [u8]) -> impl Iterator<Item = u8> + 'a {
	let upper = u32::from_le_bytes([upper[0], upper[1], upper[2], upper[3]]);
	let fifth = move |i: usize| (((upper >> i) & 1) as u8) << 4;
	let low = lower.iter().enumerate().map(move |(i, q)| (q & 15) | fifth(i));
	let high = lower.iter().enumerate().map(move |(i, q)| (q >> 4) | fifth(i + 16));
	low.chain(high)
}

/// Scale and minimum of part `i` of 8, of 6 bits each, in 12 bytes.
fn scale_and_minimum(i: usize, bytes: &[u8]) -> (f32, f32) {
	let (scale, minimum) = match i < 4 {
		true => (bytes[i] & 63, bytes[i + 4] & 63),
		false => {
			let (scale, minimum) = (bytes[i + 4] & 15, bytes[i + 4] >> 4);
			(scale | ((bytes[i - 4] >> 6) << 4), minimum | ((bytes[i] >> 6) << 4))
		}
	};
	(f32::from(scale), f32::from(minimum))
}

/// A block of Q4_K or Q5_K. Parts 2n and 2n + 1 of 8 are the low and the high halves of the n-th 32 bytes of `q`; `fifth`
/// adds to value `i` of a part.
fn widen_k(block: &[u8], scales: &[u8], q: &[u8], fifth: impl Fn(usize, usize) -> u8, values: &mut Vec<f32>) {
	let (d, least) = (half(block), half(&block[2..]));
	for (pair, q) in q.chunks_exact(32).enumerate() {
		for part in [2 * pair, 2 * pair + 1] {
			let (scale, minimum) = scale_and_minimum(part, scales);
			let (scale, minimum) = (d * scale, least * minimum);
			let shift = part % 2 * 4;
			let number = |(i, q): (usize, &u8)| ((q >> shift) & 15) | fifth(part, i);
			values.extend(q.iter().enumerate().map(number).map(|q| scale * f32::from(q) - minimum));
		}
	}
}

fn widen_q6(block: &[u8], values: &mut Vec<f32>) {
	let (lower, upper, scales, d) = (&block[..128], &block[128..192], &block[192..208], half(&block[208..]));
	for (n, (lower, upper)) in lower.chunks_exact(64).zip(upper.chunks_exact(32)).enumerate() {
		for quarter in 0..4 {
			let lower = &lower[quarter % 2 * 32..][..32];
			for (i, (lower, upper)) in lower.iter().zip(upper).enumerate() {
				let scale = scales[8 * n + 2 * quarter + i / 16] as i8;
				let q = ((lower >> (quarter / 2 * 4)) & 15) | (((upper >> (2 * quarter)) & 3) << 4);
				values.push(d * f32::from(scale) * (f32::from(q) - 32.0));
			}
		}
	}
}

/// Why a file is no GGUF that can be read.
#[derive(Debug)]
pub enum GgufFault {
	/// The machine could not read it.
	Io(io::Error),
	/// What it says.
	Why(String),
}

impl From<io::Error> for GgufFault {
	fn from(error: io::Error) -> Self {
		Self::Io(error)
	}
}

impl From<String> for GgufFault {
	fn from(why: String) -> Self {
		Self::Why(why)
	}
}

impl fmt::Display for GgufFault {
	fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
		match self {
			Self::Io(error) => error.fmt(f),
			Self::Why(why) => f.write_str(why),
		}
	}
}

/// A value of the metadata, as far as anything here asks for it.
#[derive(Clone, Debug, PartialEq)]
enum Metadata {
	Whole(u64),
	Text(String),
	/// Numbers with signs or fractions, lists, long texts.
	Other,
}

impl fmt::Display for Metadata {
	fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
		match self {
			Self::Whole(number) => number.fmt(f),
			Self::Text(text) => write!(f, "{:?}", shown(text)),
			Self::Other => f.write_str("no whole number and no short text"),
		}
	}
}

/// Where a tensor is and how it is stored.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct GgufTensor {
	/// How its values are stored.
	pub kind: GgufType,
	/// Its dimensions, the outermost first.
	pub dims: Vec<usize>,
	/// Bytes from the beginning of the file.
	pub start: u64,
	/// Bytes that it takes.
	pub bytes: u64,
}

/// All of a file but the tensors' values.
#[derive(Clone, Debug, Default)]
pub struct GgufHeader {
	metadata: BTreeMap<String, Metadata>,
	tensors: BTreeMap<String, GgufTensor>,
}

/// Reads from the beginning of a file of known length, and never past its end.
struct Reader<R> {
	inner: R,
	at: u64,
	length: u64,
	/// Bytes of the texts that were kept.
	kept: u64,
}

impl<R: Read> Reader<R> {
	fn left(&self) -> u64 {
		self.length - self.at
	}

	/// Fails unless so many bytes are left.
	fn expect(&self, bytes: u64, what: impl fmt::Display) -> Result<(), GgufFault> {
		match bytes <= self.left() {
			true => Ok(()),
			false => Err(GgufFault::Why(format!(
				"{what} takes {bytes} bytes at byte {}, the file ends after {} more: it is cut off or damaged",
				self.at,
				self.left()
			))),
		}
	}

	fn array<const N: usize>(&mut self, what: impl fmt::Display) -> Result<[u8; N], GgufFault> {
		self.expect(N as u64, what)?;
		let mut bytes = [0; N];
		self.inner.read_exact(&mut bytes)?;
		self.at += N as u64;
		Ok(bytes)
	}

	fn u32(&mut self, what: impl fmt::Display) -> Result<u32, GgufFault> {
		self.array(what).map(u32::from_le_bytes)
	}

	fn u64(&mut self, what: impl fmt::Display) -> Result<u64, GgufFault> {
		self.array(what).map(u64::from_le_bytes)
	}

	fn skip(&mut self, bytes: u64, what: impl fmt::Display) -> Result<(), GgufFault> {
		self.expect(bytes, what)?;
		let skipped = io::copy(&mut self.inner.by_ref().take(bytes), &mut io::sink())?;
		if skipped != bytes {
			return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
		}
		self.at += bytes;
		Ok(())
	}

	/// A text of at most `most` bytes; `None` for a longer one, which is passed over.
	fn text(&mut self, most: u64, what: &str) -> Result<Option<Vec<u8>>, GgufFault> {
		let length = self.u64(format_args!("the length of {what}"))?;
		self.expect(length, what)?;
		if length > most {
			self.skip(length, what)?;
			return Ok(None);
		}
		self.kept += length;
		if self.kept > MOST_KEPT {
			let at = self.at;
			return Err(format!("keys, names and texts have more than {MOST_KEPT} bytes up to byte {at}").into());
		}
		let mut bytes = vec![0; length as usize];
		self.inner.read_exact(&mut bytes)?;
		self.at += length;
		Ok(Some(bytes))
	}

	fn name(&mut self, what: &str) -> Result<String, GgufFault> {
		let bytes = self
			.text(MOST_NAME, what)?
			.ok_or_else(|| format!("{what} is longer than {MOST_NAME} bytes before byte {}", self.at))?;
		String::from_utf8(bytes).map_err(|_| GgufFault::Why(format!("{what} before byte {} is not UTF-8", self.at)))
	}

	/// The value of a key.
	fn value(&mut self, key: &str) -> Result<Metadata, GgufFault> {
		let what = format!("the value of {:?}", shown(key));
		let kind = self.u32(&what)?;
		Ok(match kind {
			0 | 7 => Metadata::Whole(u8::from_le_bytes(self.array(&what)?).into()),
			2 => Metadata::Whole(u16::from_le_bytes(self.array(&what)?).into()),
			4 => Metadata::Whole(self.u32(&what)?.into()),
			10 => Metadata::Whole(self.u64(&what)?),
			8 => match self.text(MOST_TEXT, &what)? {
				Some(text) => Metadata::Text(String::from_utf8_lossy(&text).into_owned()),
				None => Metadata::Other,
			},
			9 => {
				let of = self.u32(&what)?;
				let count = self.u64(&what)?;
				if of == 8 {
					self.expect(count.saturating_mul(8), format_args!("{what}, {count} texts,"))?;
					for _ in 0..count {
						let length = self.u64(&what)?;
						self.skip(length, format_args!("a text in {what}"))?;
					}
				} else {
					let width = width(of).ok_or_else(|| match of {
						9 => format!("{what} is a list of lists; lists of numbers and of texts are supported"),
						_ => format!("{what} is a list of type {of}, which is none"),
					})?;
					self.skip(count.saturating_mul(width), format_args!("{what}, a list of {count},"))?;
				}
				Metadata::Other
			}
			other => {
				let width = width(other).ok_or_else(|| format!("{what} has type {other}, which is none"))?;
				self.skip(width, &what)?;
				Metadata::Other
			}
		})
	}

	/// A tensor's name and entry, whose offset is counted from the end of the header.
	fn tensor(&mut self) -> Result<(String, GgufTensor), GgufFault> {
		let name = self.name("the name of a tensor")?;
		let what = format!("tensor {:?}", shown(&name));
		let count = self.u32(&what)?;
		if !(1..=MOST_DIMENSIONS).contains(&count) {
			return Err(format!("{what} has {count} dimensions, 1 to {MOST_DIMENSIONS} are possible").into());
		}
		let mut dims = Vec::new();
		for _ in 0..count {
			dims.push(self.u64(&what)?);
		}
		let kind = GgufType::new(self.u32(&what)?).map_err(|why| format!("{what} has {why}"))?;
		let start = self.u64(&what)?;
		let (values, bytes) = kind.block();
		if !dims[0].is_multiple_of(values as u64) {
			return Err(format!("{what} has rows of {} values, {kind} has blocks of {values}", dims[0]).into());
		}
		let elements = dims.iter().try_fold(1u64, |product, dim| product.checked_mul(*dim));
		let size = elements.and_then(|elements| (elements / values as u64).checked_mul(bytes as u64));
		let size = match size {
			Some(size) if size > 0 && size <= self.length => size,
			_ => {
				return Err(format!(
					"{what} has the dimensions {dims:?} of {kind}, the whole file has {} bytes",
					self.length
				)
				.into())
			}
		};
		// Each is at most the number of values, which is at most twice the file's length.
		let dims = dims.iter().rev().map(|dim| *dim as usize).collect();
		Ok((name, GgufTensor { kind, dims, start, bytes: size }))
	}
}

/// Bytes of a value of the metadata that has a fixed number of them.
fn width(kind: u32) -> Option<u64> {
	match kind {
		0 | 1 | 7 => Some(1),
		2 | 3 => Some(2),
		4..=6 => Some(4),
		10..=12 => Some(8),
		_ => None,
	}
}

impl GgufHeader {
	/// Reads a header from the beginning of a file of `length` bytes, and checks that every tensor lies inside the file.
	pub fn read(reader: impl Read, length: u64) -> Result<Self, GgufFault> {
		let mut reader = Reader { inner: reader, at: 0, length, kept: 0 };
		let magic: [u8; 4] = reader.array("the mark of a GGUF file")?;
		if magic != MAGIC {
			return Err(format!("it begins with the bytes {magic:02x?}, a GGUF file with {MAGIC:02x?}").into());
		}
		let version = reader.u32("the version")?;
		if !(2..=3).contains(&version) {
			let swapped = if (2..=3).contains(&version.swap_bytes()) {
				", of a machine with the other order of bytes"
			} else {
				""
			};
			return Err(format!("GGUF version {version}{swapped}; 2 and 3 are supported").into());
		}
		let (tensors, metadata) = (reader.u64("the number of tensors")?, reader.u64("the number of metadata")?);
		let least = tensors.saturating_mul(LEAST_TENSOR).saturating_add(metadata.saturating_mul(LEAST_METADATA));
		reader.expect(least, format_args!("a header of {tensors} tensors and {metadata} metadata"))?;
		if tensors > MAX_TENSORS as u64 || metadata > MOST_METADATA {
			return Err(format!(
				"it has {tensors} tensors and {metadata} metadata, at most {MAX_TENSORS} and {MOST_METADATA} are read"
			)
			.into());
		}

		let mut header = Self::default();
		for _ in 0..metadata {
			let key = reader.name("a key of the metadata")?;
			let value = reader.value(&key)?;
			if header.metadata.insert(key.clone(), value).is_some() {
				return Err(format!("the metadata have {:?} twice", shown(&key)).into());
			}
		}
		let alignment = match header.metadata.get("general.alignment") {
			None => ALIGNMENT,
			Some(Metadata::Whole(bytes)) if bytes.is_power_of_two() && *bytes <= MOST_ALIGNMENT => *bytes,
			Some(other) => {
				return Err(
					format!("general.alignment is {other}, a power of 2 up to {MOST_ALIGNMENT} is needed").into()
				)
			}
		};
		for _ in 0..tensors {
			let (name, tensor) = reader.tensor()?;
			if header.tensors.insert(name.clone(), tensor).is_some() {
				return Err(format!("tensor {:?} is there twice", shown(&name)).into());
			}
		}
		let begin = reader.at.next_multiple_of(alignment);
		for (name, tensor) in &mut header.tensors {
			let start = begin.checked_add(tensor.start);
			let end = start.and_then(|start| start.checked_add(tensor.bytes));
			match (start, end) {
				(Some(start), Some(end)) if end <= length => tensor.start = start,
				_ => {
					return Err(format!(
						"tensor {:?} has {} bytes at byte {} behind a header of {begin}, the file has {length}: it is cut off or \
						 damaged",
						shown(name),
						tensor.bytes,
						tensor.start
					)
					.into())
				}
			}
		}
		header.check_places(alignment)?;
		Ok(header)
	}

	/// Whether every tensor begins where one may, and has bytes of its own: of shared ones a small file could make any number
	/// of tensors.
	fn check_places(&self, alignment: u64) -> Result<(), GgufFault> {
		let mut places: Vec<(u64, u64, &str)> =
			self.tensors.iter().map(|(name, tensor)| (tensor.start, tensor.bytes, name.as_str())).collect();
		places.sort_unstable();
		let (mut end, mut before) = (0, "");
		for (start, bytes, name) in places {
			if start < end {
				return Err(format!(
					"tensor {:?} begins at byte {start}, tensor {:?} ends at byte {end}: they overlap",
					shown(name),
					shown(before)
				)
				.into());
			}
			if !start.is_multiple_of(alignment) {
				let name = shown(name);
				return Err(
					format!("tensor {name:?} begins at byte {start}, a multiple of {alignment} is needed").into()
				);
			}
			// Both are inside the file.
			(end, before) = (start + bytes, name);
		}
		Ok(())
	}

	/// The tensors by their names in the file.
	pub fn tensors(&self) -> &BTreeMap<String, GgufTensor> {
		&self.tensors
	}

	/// A text of the metadata.
	pub fn text(&self, key: &str) -> Option<&str> {
		match self.metadata.get(key)? {
			Metadata::Text(text) => Some(text),
			Metadata::Whole(_) | Metadata::Other => None,
		}
	}

	/// A whole number of the metadata.
	pub fn whole(&self, key: &str) -> Option<u64> {
		match self.metadata.get(key)? {
			Metadata::Whole(number) => Some(*number),
			Metadata::Text(_) | Metadata::Other => None,
		}
	}
}

/// An opened file.
pub struct Gguf {
	header: GgufHeader,
	path: PathBuf,
	file: Mutex<File>,
}

impl Gguf {
	/// Opens a file and reads its header.
	pub fn open(path: &Path) -> Result<Self, EngineError> {
		let file = File::open(path).map_err(EngineError::io(path))?;
		let length = file.metadata().map_err(EngineError::io(path))?.len();
		let header = GgufHeader::read(BufReader::new(&file), length).map_err(|fault| match fault {
			GgufFault::Io(source) => EngineError::Io { path: path.into(), source },
			GgufFault::Why(why) => EngineError::Unsupported { path: path.into(), why },
		})?;
		Ok(Self { header, path: path.into(), file: Mutex::new(file) })
	}

	/// What the file says of itself.
	pub fn header(&self) -> &GgufHeader {
		&self.header
	}

	/// The values of a tensor by its name in the file, as f32 on the CPU.
	pub fn tensor(&self, name: &str) -> candle_core::Result<Tensor> {
		let Some(tensor) = self.header.tensors.get(name) else {
			let count = self.header.tensors.len();
			candle_core::bail!("{}: tensor {name} is missing among its {count} tensors", self.path.display());
		};
		let shape = Shape::from(tensor.dims.clone());
		let mut values: Vec<f32> = Vec::with_capacity(shape.elem_count());
		let block = tensor.kind.block().1;
		let mut buffer = vec![0; PIECE / block * block];
		let mut left = tensor.bytes as usize;
		let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
		file.seek(SeekFrom::Start(tensor.start))?;
		while left > 0 {
			let count = left.min(buffer.len());
			let Some(piece) = buffer.get_mut(..count) else { break };
			file.read_exact(piece)?;
			tensor.kind.widen(piece, &mut values);
			left -= count;
		}
		if let Some(at) = values.iter().position(|value| !value.is_finite()) {
			let (path, kind) = (self.path.display(), tensor.kind);
			let found = values.get(at).copied().unwrap_or_default();
			candle_core::bail!("{path}: value {at} of tensor {name} ({kind}) is {found}, no finite number");
		}
		Tensor::from_vec(values, shape, &Device::Cpu)
	}
}

/// The name in a GGUF file of a tensor of transformers' Llama layout.
fn stored_name(name: &str) -> Option<String> {
	let whole = match name {
		"model.embed_tokens.weight" => Some("token_embd.weight"),
		"model.norm.weight" => Some("output_norm.weight"),
		"lm_head.weight" => Some("output.weight"),
		_ => None,
	};
	if let Some(whole) = whole {
		return Some(whole.to_owned());
	}
	let (layer, rest) = name.strip_prefix("model.layers.")?.split_once('.')?;
	let (part, kind) = rest.rsplit_once('.')?;
	let part = match part {
		"input_layernorm" => "attn_norm",
		"self_attn.q_proj" => "attn_q",
		"self_attn.k_proj" => "attn_k",
		"self_attn.v_proj" => "attn_v",
		"self_attn.o_proj" => "attn_output",
		"self_attn.q_norm" => "attn_q_norm",
		"self_attn.k_norm" => "attn_k_norm",
		"post_attention_layernorm" => "ffn_norm",
		"mlp.gate_proj" => "ffn_gate",
		"mlp.up_proj" => "ffn_up",
		"mlp.down_proj" => "ffn_down",
		_ => return None,
	};
	Some(format!("blk.{layer}.{part}.{kind}"))
}

/// Tensors by the names and in the order of transformers.
struct Renamed {
	file: Gguf,
	/// Query and key heads of a file that has the pairs of the rotary embedding side by side, as that of Llama.
	paired: Option<[usize; 2]>,
}

impl Renamed {
	/// The rows of every head: side by side there, in two halves here.
	fn in_halves(&self, name: &str, x: &Tensor, heads: usize) -> candle_core::Result<Tensor> {
		let (rows, shape) = (x.dim(0)?, x.shape().clone());
		if !rows.is_multiple_of(2 * heads) {
			let path = self.file.path.display();
			candle_core::bail!(
				"{path}: tensor {name} has {rows} rows, which do not divide into pairs of {heads} heads"
			);
		}
		let inner = x.elem_count() / rows;
		x.reshape((heads, rows / heads / 2, 2, inner))?.transpose(1, 2)?.contiguous()?.reshape(shape)
	}

	fn tensor(&self, name: &str) -> candle_core::Result<Tensor> {
		let Some(stored) = stored_name(name) else {
			candle_core::bail!("{}: a GGUF file has no tensor for {name}", self.file.path.display());
		};
		let tensor = self.file.tensor(&stored)?;
		match self.paired {
			Some([heads, _]) if stored.contains(".attn_q.") => self.in_halves(&stored, &tensor, heads),
			Some([_, heads]) if stored.contains(".attn_k.") => self.in_halves(&stored, &tensor, heads),
			_ => Ok(tensor),
		}
	}
}

impl SimpleBackend for Renamed {
	fn get(
		&self,
		shape: Shape,
		name: &str,
		_: candle_nn::Init,
		dtype: DType,
		device: &Device,
	) -> candle_core::Result<Tensor> {
		// Before the values are read: a wrong shape may be a large one.
		let entry = stored_name(name).and_then(|stored| self.file.header.tensors.get_key_value(&stored));
		if let Some((stored, entry)) = entry {
			if entry.dims != shape.dims() {
				let (path, dims) = (self.file.path.display(), &entry.dims);
				candle_core::bail!(
					"{path}: tensor {stored} has shape {dims:?}, the configuration asks for {shape:?} ({name})"
				);
			}
		}
		self.get_unchecked(name, dtype, device)
	}

	fn get_unchecked(&self, name: &str, dtype: DType, device: &Device) -> candle_core::Result<Tensor> {
		self.tensor(name)?.to_dtype(dtype)?.to_device(device)
	}

	fn contains_tensor(&self, name: &str) -> bool {
		stored_name(name).is_some_and(|stored| self.file.header.tensors.contains_key(&stored))
	}
}

impl ModelFolder {
	/// The tensors of a language model: those of `model.safetensors` or its shards, otherwise of the only `.gguf` file of the
	/// folder.
	///
	/// A GGUF file must be of the architecture `family`, and have the numbers of `settings` where it has them, such as
	/// `block_count`: it says nothing else about how its tensors are to be read.
	pub fn language_model(&self, family: &str, settings: &[(&str, usize)]) -> Result<VarBuilder<'static>, EngineError> {
		let files: Vec<&str> = self.files().filter(|file| file.ends_with(".gguf") && !file.contains('/')).collect();
		let has_tensors = ["model.safetensors", "model.fp16.safetensors", "model.safetensors.index.json"];
		let [file] = files.as_slice() else {
			if files.len() > 1 && !has_tensors.iter().any(|file| self.has(file)) {
				let why = format!("it has {} GGUF files, {}: leave one", files.len(), files.join(", "));
				return Err(EngineError::Unsupported { path: self.dir().into(), why });
			}
			return self.tensors("", "model");
		};
		if has_tensors.iter().any(|file| self.has(file)) {
			return self.tensors("", "model");
		}
		let path = self.path(file)?;
		let gguf = Gguf::open(&path)?;
		let unsupported = |why: String| EngineError::Unsupported { path: path.clone(), why };
		let architecture = gguf.header.text("general.architecture").unwrap_or_default();
		if architecture != family {
			return Err(unsupported(format!(
				"general.architecture is {:?}, config.json is for model_type {family:?}",
				shown(architecture)
			)));
		}
		for (name, expected) in settings {
			let key = format!("{family}.{name}");
			match gguf.header.whole(&key) {
				Some(found) if found != *expected as u64 => {
					return Err(unsupported(format!("{key} is {found}, config.json says {expected}")));
				}
				Some(_) | None => {}
			}
		}
		let paired = match family {
			"llama" | "smollm3" => {
				let count = |name: &str| gguf.header.whole(&format!("{family}.attention.{name}")).map(|n| n as usize);
				let heads = count("head_count").filter(|heads| (1..=1 << 16).contains(heads));
				let Some(heads) = heads else {
					return Err(unsupported(format!("{family}.attention.head_count is missing or no number of heads")));
				};
				let keys = count("head_count_kv").unwrap_or(heads);
				if !(1..=heads).contains(&keys) {
					let why = format!("{family}.attention.head_count_kv is {keys}, 1 to {heads} are possible");
					return Err(unsupported(why));
				}
				Some([heads, keys])
			}
			_ => None,
		};
		Ok(VarBuilder::from_backend(Box::new(Renamed { file: gguf, paired }), DType::F32, Device::Cpu))
	}
}
