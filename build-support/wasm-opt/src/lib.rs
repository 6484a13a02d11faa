//! A drop-in for the `wasm-opt` crate, reduced to what `substrate-wasm-builder` asks of it.
//!
//! The builder runs Binaryen at optimisation level 0 for two passes: strip DWARF, and lower sign-extension
//! instructions to the MVP. A runtime built for `wasm32v1-none` holds no such instruction, so what is left is to drop
//! the `.debug_*` sections. That takes thirty lines of Rust here and six minutes of C++ on two cores there.
//!
//! A module that declares the `sign-ext` feature is refused, never passed through: it would need the real pass.

use std::{fmt, fs, io, path::Path};

/// A pass of Binaryen. Only the two that the builder names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pass {
	/// Remove the `.debug_*` custom sections.
	StripDwarf,
	/// Lower sign-extension instructions; a module built for `wasm32v1-none` has none.
	SignextLowering,
}

/// Options of a run, in the builder style of the original crate.
#[derive(Clone, Debug, Default)]
pub struct OptimizationOptions {
	passes: Vec<Pass>,
}

/// Why a module could not be processed.
#[derive(Debug)]
pub enum OptimizationError {
	/// The input could not be read or the output could not be written.
	Io(io::Error),
	/// The input is not a WebAssembly module; the text says where it stops making sense.
	Malformed(&'static str),
	/// The module uses sign-extension instructions, which only Binaryen can lower.
	NeedsSignextLowering,
}

impl fmt::Display for OptimizationError {
	fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
		match self {
			Self::Io(e) => write!(f, "{e}"),
			Self::Malformed(what) => write!(f, "not a WebAssembly module: {what}"),
			Self::NeedsSignextLowering => f.write_str(
				"the runtime uses the sign-ext feature: build it for the target wasm32v1-none (see scripts/setup)",
			),
		}
	}
}

impl std::error::Error for OptimizationError {}

impl From<io::Error> for OptimizationError {
	fn from(e: io::Error) -> Self {
		Self::Io(e)
	}
}

impl OptimizationOptions {
	/// Options that run no pass until one is added.
	pub fn new_opt_level_0() -> Self {
		Self::default()
	}

	/// Kept for the builder's sake: the MVP is all that is supported.
	pub fn mvp_features_only(&mut self) -> &mut Self {
		self
	}

	/// Kept for the builder's sake: the name section is never touched.
	pub fn debug_info(&mut self, _keep: bool) -> &mut Self {
		self
	}

	/// Adds a pass.
	pub fn add_pass(&mut self, pass: Pass) -> &mut Self {
		self.passes.push(pass);
		self
	}

	/// Reads `infile`, runs the passes and writes `outfile`. The two may be the same path.
	pub fn run(&self, infile: impl AsRef<Path>, outfile: impl AsRef<Path>) -> Result<(), OptimizationError> {
		let module = fs::read(infile)?;
		let out = self.apply(&module)?;
		Ok(fs::write(outfile, out)?)
	}

	fn apply(&self, module: &[u8]) -> Result<Vec<u8>, OptimizationError> {
		use OptimizationError::Malformed;
		let (header, mut rest) = module.split_at_checked(8).ok_or(Malformed("shorter than its header"))?;
		if header != b"\0asm\x01\0\0\0" {
			return Err(Malformed("wrong magic number or version"));
		}
		let mut out = header.to_vec();
		while let Some((&id, body)) = rest.split_first() {
			let (len, body) = leb128(body).ok_or(Malformed("section length"))?;
			let (section, next) = body.split_at_checked(len).ok_or(Malformed("section past the end"))?;
			let (whole, _) = rest.split_at(rest.len() - next.len());
			let mut keep = true;
			if id == 0 {
				let (n, name) = leb128(section).ok_or(Malformed("section name length"))?;
				let (name, data) = name.split_at_checked(n).ok_or(Malformed("section name"))?;
				if name == b"target_features" && self.passes.contains(&Pass::SignextLowering) && uses_sign_ext(data) {
					return Err(OptimizationError::NeedsSignextLowering);
				}
				keep = !(self.passes.contains(&Pass::StripDwarf) && name.starts_with(b".debug_"));
			}
			if keep {
				out.extend_from_slice(whole);
			}
			rest = next;
		}
		Ok(out)
	}
}

fn uses_sign_ext(features: &[u8]) -> bool {
	features.windows(10).any(|w| w[0] == b'+' && w[1] == 8 && &w[2..] == b"sign-ext")
}

/// Reads an unsigned LEB128 number of at most 32 bits (WebAssembly core specification 1.0, section 5.2.2).
fn leb128(bytes: &[u8]) -> Option<(usize, &[u8])> {
	let mut value = 0u64;
	for (i, byte) in bytes.iter().enumerate().take(5) {
		value |= u64::from(byte & 0x7f) << (7 * i);
		if byte & 0x80 == 0 {
			return Some((usize::try_from(value).ok()?, &bytes[i + 1..]));
		}
	}
	None
}

#[cfg(test)]
mod tests {
	use super::*;

	fn custom(name: &str, data: &[u8]) -> Vec<u8> {
		let mut body = vec![name.len() as u8];
		body.extend_from_slice(name.as_bytes());
		body.extend_from_slice(data);
		let mut section = vec![0, body.len() as u8];
		section.extend(body);
		section
	}

	fn module(sections: &[Vec<u8>]) -> Vec<u8> {
		[b"\0asm\x01\0\0\0".to_vec(), sections.concat()].concat()
	}

	fn both() -> OptimizationOptions {
		let mut options = OptimizationOptions::new_opt_level_0();
		options.add_pass(Pass::StripDwarf).add_pass(Pass::SignextLowering);
		options
	}

	#[test]
	fn dwarf_should_be_dropped_and_everything_else_kept() {
		let (types, runtime) = (vec![1, 1, 0], custom("runtime_version", &[9]));
		let input = module(&[types.clone(), custom(".debug_info", &[1, 2, 3]), runtime.clone()]);
		assert_eq!(both().apply(&input).unwrap(), module(&[types, runtime]));
	}

	#[test]
	fn sign_extension_should_be_refused() {
		let input = module(&[custom("target_features", b"\x01+\x08sign-ext")]);
		assert!(matches!(both().apply(&input), Err(OptimizationError::NeedsSignextLowering)));
	}

	#[test]
	fn a_truncated_module_should_be_refused() {
		let input = module(&[custom(".debug_line", &[1, 2, 3])]);
		for cut in [3, 9, input.len() - 1] {
			assert!(matches!(both().apply(&input[..cut]), Err(OptimizationError::Malformed(_))), "cut at {cut}");
		}
	}
}
