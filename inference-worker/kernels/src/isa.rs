//! Run-time choice of the instruction set.
//!
//! Every kernel is written once, in plain Rust over `f32::mul_add`, and compiled several times: for the build's
//! baseline and, on x86-64, inside `#[target_feature]` functions for AVX2 + FMA and for AVX-512. The choice changes
//! only how many output elements are computed at once, never the operations that make up one element.

use std::sync::atomic::{AtomicU8, Ordering};

/// An instruction set the kernels are compiled for, from the narrowest to the widest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Isa {
	/// The baseline of the build. On x86-64 without FMA a fused multiply-add is a library call: exact and very slow.
	Scalar,
	/// aarch64: NEON, with FMA.
	Neon,
	/// x86-64-v3: AVX2 and FMA.
	Avx2,
	/// x86-64-v4: AVX-512F.
	Avx512,
}

impl Isa {
	/// Whether a fused multiply-add is one machine instruction. A worker refuses a host without it unless told
	/// otherwise.
	pub fn has_fma(self) -> bool {
		self != Isa::Scalar || cfg!(target_feature = "fma")
	}

	/// The name used by the environment variable `AUTONOMY_ISA` and in logs.
	pub fn name(self) -> &'static str {
		match self {
			Isa::Scalar => "scalar",
			Isa::Neon => "neon",
			Isa::Avx2 => "avx2",
			Isa::Avx512 => "avx512",
		}
	}
}

const UNSET: u8 = u8::MAX;
static CHOICE: AtomicU8 = AtomicU8::new(UNSET);

/// The widest instruction set of this host.
fn detect() -> Isa {
	#[cfg(target_arch = "x86_64")]
	{
		if is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
			return Isa::Avx512;
		}
		if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
			return Isa::Avx2;
		}
	}
	if cfg!(target_arch = "aarch64") {
		return Isa::Neon;
	}
	Isa::Scalar
}

/// Applies `AUTONOMY_ISA` to what the host offers: a known name lowers the choice, anything else is ignored.
fn lowered(host: Isa, wish: Option<&str>) -> Isa {
	match wish {
		Some("scalar") => Isa::Scalar,
		Some("avx2") if host > Isa::Avx2 => Isa::Avx2,
		_ => host,
	}
}

/// The instruction set in use: the widest of the host, or the lower one that `AUTONOMY_ISA` (`avx512`, `avx2`,
/// `scalar`) asks for. Read once.
pub fn isa() -> Isa {
	match CHOICE.load(Ordering::Relaxed) {
		0 => Isa::Scalar,
		1 => Isa::Neon,
		2 => Isa::Avx2,
		3 => Isa::Avx512,
		_ => {
			let choice = lowered(detect(), std::env::var("AUTONOMY_ISA").ok().as_deref());
			CHOICE.store(choice as u8, Ordering::Relaxed);
			choice
		}
	}
}

/// Runs `f` with the kernels held at `isa`, then goes back. The hook of the tests that compare instruction sets; it
/// holds for the whole process and one call at a time. Returns `None`, without calling `f`, where the host lacks
/// `isa`.
#[doc(hidden)]
pub fn with_isa<T>(isa: Isa, f: impl FnOnce() -> T) -> Option<T> {
	static ONE_AT_A_TIME: std::sync::Mutex<()> = std::sync::Mutex::new(());
	struct Restore(u8);
	impl Drop for Restore {
		fn drop(&mut self) {
			CHOICE.store(self.0, Ordering::Relaxed);
		}
	}
	let host = detect();
	if isa > host || (isa == Isa::Neon && host != Isa::Neon) {
		return None;
	}
	let _guard = ONE_AT_A_TIME.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
	let _restore = Restore(CHOICE.swap(isa as u8, Ordering::Relaxed));
	Some(f())
}

/// Compiles one body for every instruction set and calls the one of [`isa`]. The body must not rely on closures or
/// calls that are not `#[inline(always)]`: those would be compiled for the baseline.
macro_rules! multiversion {
	($($(#[$meta:meta])* $vis:vis fn $name:ident($($arg:ident: $ty:ty),* $(,)?) $(-> $ret:ty)? $body:block)+) => {$(
		$(#[$meta])*
		#[allow(clippy::too_many_arguments)]
		$vis fn $name($($arg: $ty),*) $(-> $ret)? {
			#[inline(always)]
			fn portable($($arg: $ty),*) $(-> $ret)? $body

			#[cfg(target_arch = "x86_64")]
			{
				#[target_feature(enable = "avx512f,avx2,fma")]
				fn avx512($($arg: $ty),*) $(-> $ret)? { portable($($arg),*) }
				#[target_feature(enable = "avx2,fma")]
				fn avx2($($arg: $ty),*) $(-> $ret)? { portable($($arg),*) }
				match crate::isa::isa() {
					// SAFETY: `isa()` never exceeds what the CPU was found to support.
					crate::isa::Isa::Avx512 => return unsafe { avx512($($arg),*) },
					// SAFETY: as above.
					crate::isa::Isa::Avx2 => return unsafe { avx2($($arg),*) },
					_ => {},
				}
			}
			portable($($arg),*)
		}
	)+};
}
pub(crate) use multiversion;

#[cfg(test)]
mod tests {
	use super::*;

	#[test]
	fn isa_should_only_go_down_when_the_environment_asks() {
		assert_eq!(lowered(Isa::Avx512, Some("avx2")), Isa::Avx2);
		assert_eq!(lowered(Isa::Avx512, Some("scalar")), Isa::Scalar);
		assert_eq!(lowered(Isa::Avx2, Some("avx512")), Isa::Avx2);
		assert_eq!(lowered(Isa::Neon, Some("avx2")), Isa::Neon);
		assert_eq!(lowered(Isa::Scalar, Some("avx2")), Isa::Scalar);
		assert_eq!(lowered(Isa::Avx512, Some("nonsense")), Isa::Avx512);
	}
}
