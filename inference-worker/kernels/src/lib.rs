#![doc = include_str!("../README.md")]
#![warn(clippy::disallowed_methods)]

mod attention;
mod conv;
#[cfg(feature = "cuda")]
mod cuda;
mod elementwise;
mod embedding;
pub mod exactness;
mod finite;
mod float_env;
mod fused;
pub mod gemm;
mod isa;
mod linear;
mod loss;
pub mod math;
mod narrow;
mod norm;
mod pack;
mod packed;
mod reduce;
mod resample;
pub mod rng;
mod rope;
mod softmax;
mod stream;
mod tensor;

pub use attention::attention;
pub use conv::conv2d;
pub use elementwise::{
	add_bias, add_channel_bias, channel_affine, exp, gelu_erf, gelu_tanh, quick_gelu, relu, sigmoid, silu, tanh,
};
pub use embedding::embedding;
pub use finite::{check_finite, NonFinite};
pub use float_env::{assert_float_environment, FloatEnvironment};
pub use fused::{gated, gated_halves, Activation};
pub use isa::{isa, with_isa, Isa};
pub use linear::{linear, linear_activated, matmul};
pub use loss::{cross_entropy, mse_loss};
pub use norm::{group_norm, group_norm_activated, layer_norm, rms_norm};
pub use packed::{PackedConv2d, PackedLinear};
pub use reduce::{mean_all, sum_all};
pub use resample::upsample_nearest2x;
pub use rope::rope;
pub use softmax::softmax;

/// The numeric specification that the kernels follow: every operation, its order and its constants.
pub const SPECIFICATION: &str = include_str!("../SPECIFICATION.md");

/// Names the specification: SHA-256 of [`SPECIFICATION`]. Two engines with the same id give the same bits.
pub fn engine_id() -> [u8; 32] {
	use sha2::Digest;
	sha2::Sha256::digest(SPECIFICATION.as_bytes()).into()
}

/// Prepares the process: call it first in `main` and in tests. Safe to call again.
///
/// Candle's own thread pool spins while it waits, which halves the speed of a busy host; it is held at one thread.
/// The kernels run on rayon's pool, whose size `RAYON_NUM_THREADS` sets. glibc's allocator is told to keep up to 512
/// MiB of freed memory: tensors are as short-lived as they are large, and fresh pages cost more than most elementwise
/// kernels.
pub fn init() {
	static ONCE: std::sync::Once = std::sync::Once::new();
	ONCE.call_once(|| {
		std::env::set_var("CANDLE_NUM_THREADS", "1");
		keep_freed_memory();
	});
}

/// Lets blocks up to 32 MiB (glibc's limit) come from the heap rather than from a mapping of their own.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
fn keep_freed_memory() {
	use std::ffi::c_int;
	extern "C" {
		fn mallopt(parameter: c_int, value: c_int) -> c_int;
	}
	const M_TRIM_THRESHOLD: c_int = -1;
	const M_TOP_PAD: c_int = -2;
	const M_MMAP_THRESHOLD: c_int = -3;
	for (parameter, value) in [(M_MMAP_THRESHOLD, 32 << 20), (M_TRIM_THRESHOLD, 512 << 20), (M_TOP_PAD, 64 << 20)] {
		// SAFETY: glibc's documented function with documented parameters; a value it does not like changes nothing.
		unsafe { mallopt(parameter, value) };
	}
}

#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
fn keep_freed_memory() {}
