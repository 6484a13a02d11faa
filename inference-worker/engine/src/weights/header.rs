//! The header of a `.safetensors` file, read with suspicion: everything that it says of the file is compared with the file
//! before anything is mapped or allocated, and every refusal names file, tensor, what was expected and what was found.
//!
//! The layout: <https://huggingface.co/docs/safetensors>. A u64-LE length, so many bytes of JSON, then the tensors without
//! gaps.

use crate::EngineError;
use serde::de::{Error as _, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use std::collections::BTreeMap;
use std::fmt;
use std::fs::File;
use std::io::Read;
use std::path::Path;

/// Most bytes of a header. That of a model with 10,000 tensors has 1.5 MB.
pub const MAX_HEADER_BYTES: u64 = 16 << 20;
/// Most tensors of a file.
pub const MAX_TENSORS: usize = 65_536;
/// Most dimensions of a tensor.
pub const MAX_DIMENSIONS: usize = 8;
/// Name under which a header has notes rather than a tensor.
const METADATA: &str = "__metadata__";
/// Bytes of the header's length.
const LENGTH_BYTES: u64 = 8;

/// What a header says of a tensor.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq)]
pub struct TensorEntry {
	/// Type of the values, such as `F16`.
	pub dtype: String,
	/// Length along each dimension; empty for a single value.
	pub shape: Vec<u64>,
	/// First byte and the one behind the last, from the header's end.
	pub data_offsets: (u64, u64),
}

impl TensorEntry {
	/// Values. Of an entry of a [`Header`] this is never more than the file has bytes.
	pub fn elements(&self) -> u64 {
		self.shape.iter().fold(1, |product: u64, length| product.saturating_mul(*length))
	}

	/// Bytes that type and shape take; `None` when no file has as many, or when the lengths of an empty tensor multiply to
	/// more than there are numbers, which libraries do. The reason for an unknown type.
	fn bytes(&self) -> Result<Option<u64>, String> {
		let each = match self.dtype.as_str() {
			"BOOL" | "U8" | "I8" | "F8_E4M3" | "F8_E5M2" => 1,
			"I16" | "U16" | "F16" | "BF16" => 2,
			"I32" | "U32" | "F32" => 4,
			"I64" | "U64" | "F64" => 8,
			other => return Err(format!("{other:?}")),
		};
		let fits = self.shape.iter().try_fold(each, |product: u64, length| product.checked_mul((*length).max(1)));
		Ok(fits.map(|bytes| if self.shape.contains(&0) { 0 } else { bytes }))
	}
}

/// A header that agrees with its file.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Header {
	/// The tensors by name.
	pub tensors: BTreeMap<String, TensorEntry>,
}

impl Header {
	/// Reads and checks the header of a file. Nothing behind it is read.
	pub fn open(path: &Path) -> Result<Self, EngineError> {
		let file = File::open(path).map_err(EngineError::io(path))?;
		let size = file.metadata().map_err(EngineError::io(path))?.len();
		Self::read(path, file, size)
	}

	/// Reads and checks a header from the beginning of `input`, which has `size` bytes in all. `path` is for messages.
	///
	/// Takes memory for bytes that are there, never for those that a length announces.
	pub fn read(path: &Path, mut input: impl Read, size: u64) -> Result<Self, EngineError> {
		let refuse =
			|what: &str, expected: String, found: String| Err(EngineError::content(path, what, expected, found));
		let start = read_up_to(path, &mut input, LENGTH_BYTES)?;
		let length = match <[u8; 8]>::try_from(start.as_slice()) {
			Ok(bytes) => u64::from_le_bytes(bytes),
			Err(_) => {
				let found = format!("{} bytes", start.len());
				return refuse("the file", "a safetensors file, of 10 bytes or more".into(), found);
			}
		};
		if length > MAX_HEADER_BYTES {
			let found = match foreign(&start) {
				Some(kind) => kind.into(),
				None => format!("a header of {length} bytes"),
			};
			let expected = format!("a safetensors file with a header of at most {MAX_HEADER_BYTES} bytes");
			return refuse("the file", expected, found);
		}
		let rest = size.saturating_sub(LENGTH_BYTES);
		let short =
			|bytes: u64| ("the header", format!("{length} bytes, as its length says"), format!("{bytes} bytes"));
		if length > rest {
			let (what, expected, found) = short(rest);
			return refuse(what, expected, format!("{found} up to the file's end: it is cut off"));
		}
		let text = read_up_to(path, &mut input, length)?;
		if text.len() as u64 != length {
			let (what, expected, found) = short(text.len() as u64);
			return refuse(what, expected, found);
		}
		let Entries(tensors) = match serde_json::from_slice(&text) {
			Ok(entries) => entries,
			Err(error) => return refuse("the header", "JSON with the tensors of the file".into(), error.to_string()),
		};
		let header = Self { tensors };
		header.check(path, rest - length)?;
		Ok(header)
	}

	/// Whether the tensors fill `room` bytes, each with as many as its type and shape take.
	fn check(&self, path: &Path, room: u64) -> Result<(), EngineError> {
		let mut places: Vec<(u64, u64, &str)> = Vec::with_capacity(self.tensors.len());
		for (name, entry) in &self.tensors {
			let refuse = |expected: String, found: String| {
				Err(EngineError::content(path, &format!("tensor {}", shown(name)), expected, found))
			};
			if entry.shape.len() > MAX_DIMENSIONS {
				let found = format!("{}", entry.shape.len());
				return refuse(format!("at most {MAX_DIMENSIONS} dimensions"), found);
			}
			let (from, to) = entry.data_offsets;
			if from > to || to > room {
				let found = format!("bytes {from} to {to}: it is cut off, or its offsets are wrong");
				return refuse(format!("a place within the {room} bytes behind the header"), found);
			}
			match entry.bytes() {
				Ok(Some(bytes)) if bytes == to - from => {}
				Ok(bytes) => {
					let expected = match bytes {
						Some(bytes) => format!("{bytes} bytes for {} {:?}", entry.dtype, entry.shape),
						None => format!("fewer values than {} {:?} has", entry.dtype, entry.shape),
					};
					return refuse(expected, format!("{} bytes", to - from));
				}
				Err(dtype) => return refuse("values of type F32, F16 or BF16".into(), shown(&dtype)),
			}
			places.push((from, to, name));
		}
		places.sort_unstable();
		let mut end = 0;
		for (from, to, name) in places {
			if from != end {
				let expected = format!("byte {end}, where the one before it ends");
				let what = format!("the place of tensor {}", shown(name));
				return Err(EngineError::content(path, &what, expected, format!("byte {from}")));
			}
			end = to;
		}
		match end == room {
			true => Ok(()),
			false => {
				let (expected, found) = (format!("{end} bytes of tensors"), format!("{room} bytes behind the header"));
				Err(EngineError::content(path, "the file", expected, found))
			}
		}
	}

	/// Bytes of all tensors, which are those behind the header.
	pub fn bytes(&self) -> u64 {
		self.tensors.values().map(|entry| entry.data_offsets.1).max().unwrap_or(0)
	}

	/// Values of all tensors.
	pub fn parameters(&self) -> u64 {
		self.tensors.values().fold(0, |sum: u64, entry| sum.saturating_add(entry.elements()))
	}
}

/// At most `most` bytes; fewer when the input ends.
fn read_up_to(path: &Path, input: &mut impl Read, most: u64) -> Result<Vec<u8>, EngineError> {
	let mut bytes = Vec::new();
	input.by_ref().take(most).read_to_end(&mut bytes).map_err(EngineError::io(path))?;
	Ok(bytes)
}

/// What a file is instead, by its first bytes.
fn foreign(start: &[u8]) -> Option<&'static str> {
	const KINDS: [(&[u8], &str); 7] = [
		(b"PK\x03\x04", "a zip archive, as PyTorch writes checkpoints: these hold pickled code and are never opened"),
		(b"PK\x05\x06", "an empty zip archive"),
		(b"\x80\x02", "a pickle: these hold code and are never opened; save the model as safetensors"),
		(b"\x80\x03", "a pickle: these hold code and are never opened; save the model as safetensors"),
		(b"\x80\x04", "a pickle: these hold code and are never opened; save the model as safetensors"),
		(b"\x80\x05", "a pickle: these hold code and are never opened; save the model as safetensors"),
		(b"GGUF", "a GGUF file"),
	];
	const OTHERS: [(&[u8], &str); 3] = [
		(b"\x89HDF", "an HDF5 file"),
		(b"version ", "a pointer of Git LFS: the weights themselves were not fetched"),
		(b"<!DOCTYP", "a web page"),
	];
	KINDS.iter().chain(&OTHERS).find(|(mark, _)| start.starts_with(mark)).map(|(_, kind)| *kind)
}

/// A name that somebody else chose, short and without what steers a terminal.
pub(crate) fn shown(name: &str) -> String {
	const MOST: usize = 120;
	let plain: String = name.chars().filter(|c| !c.is_control()).take(MOST).collect();
	match plain.len() == name.len() {
		true => plain,
		false => format!("{plain}…"),
	}
}

/// The JSON of a header: each name once, and not too many.
struct Entries(BTreeMap<String, TensorEntry>);

impl<'de> Deserialize<'de> for Entries {
	fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
		struct Reader;

		impl<'de> Visitor<'de> for Reader {
			type Value = BTreeMap<String, TensorEntry>;

			fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
				f.write_str("an object with the tensors")
			}

			fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
				let (mut tensors, mut has_notes) = (BTreeMap::new(), false);
				while let Some(name) = map.next_key::<String>()? {
					let twice = if name == METADATA {
						map.next_value::<BTreeMap<String, String>>()
							.map_err(|error| A::Error::custom(format_args!("{METADATA}: {error}")))?;
						std::mem::replace(&mut has_notes, true)
					} else {
						let entry = map
							.next_value::<TensorEntry>()
							.map_err(|error| A::Error::custom(format_args!("tensor {}: {error}", shown(&name))))?;
						tensors.insert(name.clone(), entry).is_some()
					};
					if twice {
						return Err(A::Error::custom(format_args!("{} stands there twice", shown(&name))));
					}
					if tensors.len() > MAX_TENSORS {
						return Err(A::Error::custom(format_args!("more than {MAX_TENSORS} tensors")));
					}
				}
				Ok(tensors)
			}
		}

		deserializer.deserialize_map(Reader).map(Self)
	}
}

#[cfg(test)]
mod tests {
	use super::*;

	/// A file with this header and so many bytes behind it.
	fn file(header: &str, data: usize) -> Vec<u8> {
		let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
		bytes.extend(header.as_bytes());
		bytes.resize(bytes.len() + data, 0);
		bytes
	}

	fn read(bytes: &[u8]) -> Result<Header, EngineError> {
		Header::read(Path::new("unet/w.safetensors"), bytes, bytes.len() as u64)
	}

	fn refused(bytes: &[u8], words: &[&str]) {
		let error = read(bytes).unwrap_err();
		assert!(error.is_of_the_model(), "{error}");
		let text = error.to_string();
		for word in [&["unet/w.safetensors", "expected", "found"][..], words].concat() {
			assert!(text.contains(word), "no {word:?} in: {text}");
		}
	}

	#[test]
	fn header_should_be_read_when_it_agrees_with_the_file() {
		let text = r#"{"__metadata__":{"format":"pt"},"b":{"dtype":"F16","shape":[2,3],"data_offsets":[4,16]},
			"a":{"dtype":"F32","shape":[],"data_offsets":[0,4]},"none":{"dtype":"F32","shape":[0],"data_offsets":[4,4]}}"#;
		let header = read(&file(text, 16)).unwrap();
		assert_eq!(header.tensors.keys().collect::<Vec<_>>(), ["a", "b", "none"]);
		assert_eq!((header.parameters(), header.tensors["b"].elements()), (7, 6));
		assert_eq!(read(&file("{}  ", 0)).unwrap(), Header::default());
	}

	#[test]
	fn file_should_be_refused_when_it_is_cut_off_at_any_byte() {
		let whole = file(r#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}"#, 8);
		for cut in 0..whole.len() {
			refused(&whole[..cut], &[]);
		}
		refused(&whole[..5], &["5 bytes"]);
		refused(&whole[..whole.len() - 1], &["tensor a", "within the 7 bytes", "cut off"]);
		refused(&[&whole[..], b"x"].concat(), &["8 bytes of tensors", "9 bytes behind the header"]);
	}

	#[test]
	fn file_should_be_refused_when_a_length_is_absurd() {
		for length in [u64::MAX, 1 << 63, 1 << 40, MAX_HEADER_BYTES + 1] {
			let bytes = [&length.to_le_bytes()[..], b"{}"].concat();
			refused(&bytes, &[&format!("a header of {length} bytes"), "at most 16777216 bytes"]);
		}
		refused(
			&[&MAX_HEADER_BYTES.to_le_bytes()[..], b"{}"].concat(),
			&["the header", "2 bytes up to the file's end"],
		);
		let of = |shape: &str, offsets: &str| {
			file(&format!(r#"{{"a":{{"dtype":"F32","shape":{shape},"data_offsets":{offsets}}}}}"#), 8)
		};
		refused(&of("[4611686018427387904,4]", "[0,8]"), &["tensor a", "8 bytes"]);
		refused(&of("[18446744073709551615]", "[0,8]"), &["tensor a"]);
		refused(&of("[2]", "[0,18446744073709551615]"), &["tensor a", "bytes 0 to 18446744073709551615"]);
		refused(&of("[2]", "[8,0]"), &["tensor a", "bytes 8 to 0"]);
		refused(&of("[3]", "[0,8]"), &["12 bytes for F32 [3]", "8 bytes"]);
		refused(&of("[1,1,1,1,1,1,1,1,2]", "[0,8]"), &["at most 8 dimensions", "found 9"]);
		refused(&of("[-2]", "[0,8]"), &["tensor a", "-2"]);
		for shape in ["[0,4294967296,4294967296]", "[4294967296,4294967296,0]", "[0,18446744073709551615]"] {
			let empty = file(&format!(r#"{{"a":{{"dtype":"F32","shape":{shape},"data_offsets":[0,0]}}}}"#), 0);
			refused(&empty, &["tensor a", "fewer values than F32", "found 0 bytes"]);
		}
		refused(&of("[2.0]", "[0,8]"), &["tensor a"]);
	}

	#[test]
	fn file_should_be_refused_when_tensors_overlap_or_leave_gaps() {
		let two = |a: &str, b: &str, size: usize| {
			let entry = |offsets: &str| format!(r#"{{"dtype":"F32","shape":[1],"data_offsets":{offsets}}}"#);
			file(&format!(r#"{{"a":{},"b":{}}}"#, entry(a), entry(b)), size)
		};
		read(&two("[0,4]", "[4,8]", 8)).unwrap();
		refused(&two("[0,4]", "[0,4]", 4), &["tensor b", "byte 4", "found byte 0"]);
		refused(&two("[0,4]", "[2,6]", 8), &["tensor b", "byte 4", "found byte 2"]);
		refused(&two("[0,4]", "[8,12]", 12), &["tensor b", "byte 4", "found byte 8"]);
		let entry = r#"{"dtype":"U8","shape":[0],"data_offsets":[0,0]}"#;
		refused(&file(&format!(r#"{{"a":{entry},"a":{entry}}}"#), 0), &["a stands there twice"]);
	}

	#[test]
	fn file_should_be_refused_with_its_kind_when_it_is_something_else() {
		refused(b"PK\x03\x04\x00\x00\x08\x08archive/data.pkl", &["zip archive", "pickled code"]);
		refused(b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19.", &["a pickle", "safetensors"]);
		refused(b"\x80\x04\x95\x10\x00\x00\x00\x00\x00\x00\x00}", &["a pickle"]);
		refused(b"GGUF\x03\x00\x00\x00\xff\xff\xff\xff\xff\xff\xff\xff", &["a GGUF file"]);
		refused(b"version https://git-lfs.github.com/spec/v1\n", &["Git LFS"]);
		refused(&file(r#"{"a":{"dtype":"Q4_0","shape":[0],"data_offsets":[0,0]}}"#, 0), &["tensor a", "Q4_0"]);
		for text in ["", "[]", "{", "null", "{\"a\":{}}", "{\"a\":1}", "{\"__metadata__\":{\"a\":1}}", "{}x"] {
			refused(&file(text, 0), &["the header"]);
		}
	}

	#[test]
	fn name_of_a_tensor_should_not_steer_a_terminal() {
		let name = format!("\\u001b]0;x\\u0007{}", "y".repeat(5000));
		let text = format!(r#"{{"{name}":{{"dtype":"F32","shape":[1],"data_offsets":[0,8]}}}}"#);
		let error = read(&file(&text, 8)).unwrap_err().to_string();
		assert!(!error.contains(char::is_control) && error.len() < 400, "{error}");
	}
}
