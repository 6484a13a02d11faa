//! Scalar `f32` functions with the same bits on every machine, and the pinned `libm` crate for the rest.
//!
//! These functions are the specification of the elementwise kernels; the kernels call them in vectorised loops. Code
//! of the engine takes its transcendental functions from here: those of `std` call the system's C library, whose
//! results change between versions and CPUs.

pub use libm::{
	cos as cos_f64, cosf as cos, exp as exp_f64, expm1 as expm1_f64, log as ln_f64, logf as ln, pow as pow_f64,
	powf as pow, sin as sin_f64, sinf as sin, tan as tan_f64,
};

/// 1.5 · 2^23: adding it rounds to the nearest integer, ties to even, and leaves the integer in the low mantissa
/// bits.
const ROUND: f32 = 12_582_912.0;
const LOG2_E: f32 = std::f32::consts::LOG2_E;
/// ln 2 in two parts: the first has 15 bits, so that its product with an exponent is exact.
const LN_2_HIGH: f32 = f32::from_bits(0x3f31_7200);
const LN_2_LOW: f32 = f32::from_bits(0x35bf_be8e);
/// sqrt(2 / π)
const GELU_SCALE: f32 = 0.797_884_6;
const GELU_CUBIC: f32 = 0.044_715;

/// e^x, error below 1 unit in the last place. Overflows to infinity above 88.72, underflows gradually to 0.
#[inline(always)]
pub fn exp(x: f32) -> f32 {
	let x = x.clamp(-104.0, 89.0);
	let t = x.mul_add(LOG2_E, ROUND);
	let n = t - ROUND;
	let r = n.mul_add(-LN_2_HIGH, x);
	let r = n.mul_add(-LN_2_LOW, r);
	let mut p = 1.378_059_4e-3f32;
	p = p.mul_add(r, 8.373_124_5e-3);
	p = p.mul_add(r, 4.166_953_6e-2);
	p = p.mul_add(r, 0.166_664_72);
	p = p.mul_add(r, 0.499_999_85);
	p = p.mul_add(r, 1.0);
	p = p.mul_add(r, 1.0);
	// 2^n in two steps: n reaches from -151 to 129, further than one exponent field does.
	let n = (t.to_bits() as i32).wrapping_sub(ROUND.to_bits() as i32);
	let half = n >> 1;
	let rest = n.wrapping_sub(half);
	let first = f32::from_bits((half.wrapping_add(127) << 23) as u32);
	let second = f32::from_bits((rest.wrapping_add(127) << 23) as u32);
	p * first * second
}

/// 1 / (1 + e^-x).
#[inline(always)]
pub fn sigmoid(x: f32) -> f32 {
	1.0 / (1.0 + exp(-x))
}

/// x / (1 + e^-x), also called swish.
#[inline(always)]
pub fn silu(x: f32) -> f32 {
	x / (1.0 + exp(-x))
}

/// Hyperbolic tangent, error below 2 units in the last place.
#[inline(always)]
pub fn tanh(x: f32) -> f32 {
	let a = x.abs();
	let large = 1.0 - 2.0 / (exp(2.0 * a) + 1.0);
	let square = x * x;
	// For small arguments the difference above would cancel; a polynomial keeps the relative accuracy.
	let mut q = 1.573_944e-2f32;
	q = q.mul_add(square, -5.230_256e-2);
	q = q.mul_add(square, 0.133_152_47);
	q = q.mul_add(square, -0.333_327_68);
	let small = (q * square).mul_add(a, a);
	let magnitude = if a < 0.599_609_4 { small } else { large };
	f32::from_bits(magnitude.to_bits() | (x.to_bits() & 0x8000_0000))
}

/// The error function, error below 1 unit in the last place.
///
/// Two polynomials of N. Juffa (<https://stackoverflow.com/a/35148199>), as fused multiply-adds, over [`exp`].
#[inline(always)]
pub fn erf(x: f32) -> f32 {
	let t = x.abs();
	let s = x * x;
	let mut r = (-1.728_534_7e-5f32).mul_add(t, 3.831_972e-4);
	let u = (-3.883_964_4e-3f32).mul_add(t, 2.425_462_2e-2);
	r = r.mul_add(s, u);
	r = r.mul_add(t, -1.067_778_8e-1);
	r = r.mul_add(t, -6.348_467e-1);
	r = r.mul_add(t, -1.287_175_1e-1);
	r = r.mul_add(t, -t);
	let large = 1.0 - exp(r);
	let large = f32::from_bits(large.to_bits() | (x.to_bits() & 0x8000_0000));
	let mut q = -5.967_617e-4f32;
	q = q.mul_add(s, 4.991_194_2e-3);
	q = q.mul_add(s, -2.676_813_5e-2);
	q = q.mul_add(s, 1.128_199_25e-1);
	q = q.mul_add(s, -3.761_253_4e-1);
	q = q.mul_add(s, 1.283_791_7e-1);
	let small = q.mul_add(x, x);
	if t > 0.927_734_4 {
		large
	} else {
		small
	}
}

/// Gaussian error linear unit in its tanh form (Hendrycks & Gimpel, arXiv:1606.08415).
#[inline(always)]
pub fn gelu_tanh(x: f32) -> f32 {
	0.5 * x * (1.0 + tanh(GELU_SCALE * x * (1.0 + GELU_CUBIC * x * x)))
}

/// Gaussian error linear unit in its exact form, 0.5 x (1 + erf(x / sqrt 2)).
#[inline(always)]
pub fn gelu_erf(x: f32) -> f32 {
	0.5 * x * (1.0 + erf(x * std::f32::consts::FRAC_1_SQRT_2))
}

/// x · sigmoid(1.702 x), the approximation that CLIP uses.
#[inline(always)]
pub fn quick_gelu(x: f32) -> f32 {
	x / (1.0 + exp(-1.702 * x))
}

/// max(x, 0); a NaN stays a NaN, so that it is found.
#[inline(always)]
pub fn relu(x: f32) -> f32 {
	if x <= 0.0 {
		0.0
	} else {
		x
	}
}

/// d silu / dx.
#[inline(always)]
pub(crate) fn silu_slope(x: f32) -> f32 {
	let s = sigmoid(x);
	s * (1.0 + x * (1.0 - s))
}

/// d gelu_tanh / dx.
#[inline(always)]
pub(crate) fn gelu_tanh_slope(x: f32) -> f32 {
	let square = x * x;
	let t = tanh(GELU_SCALE * x * (1.0 + GELU_CUBIC * square));
	0.5 * (1.0 + t) + 0.5 * x * (1.0 - t * t) * (GELU_SCALE * (1.0 + 3.0 * GELU_CUBIC * square))
}

/// d gelu_erf / dx.
#[inline(always)]
pub(crate) fn gelu_erf_slope(x: f32) -> f32 {
	/// 1 / sqrt(2 π)
	const DENSITY: f32 = 0.398_942_3;
	0.5 * (1.0 + erf(x * std::f32::consts::FRAC_1_SQRT_2)) + x * (DENSITY * exp(-0.5 * x * x))
}

/// d quick_gelu / dx.
#[inline(always)]
pub(crate) fn quick_gelu_slope(x: f32) -> f32 {
	let s = sigmoid(1.702 * x);
	s * (1.0 + 1.702 * x * (1.0 - s))
}

#[cfg(test)]
mod tests {
	use super::*;

	/// Distance from `value` to the true `exact` in units of the last place of `exact`.
	fn ulps(value: f32, exact: f64) -> f64 {
		let nearest = exact as f32;
		let unit = if nearest == 0.0 {
			f64::from(f32::from_bits(1))
		} else {
			f64::from(f32::from_bits(nearest.abs().to_bits() + 1)) - f64::from(nearest.abs())
		};
		(f64::from(value) - exact).abs() / unit
	}

	fn worst(low: f64, high: f64, function: fn(f32) -> f32, exact: fn(f64) -> f64) -> f64 {
		let steps = 400_000;
		let mut worst = 0.0;
		for i in 0..=steps {
			let x = (low + (high - low) * f64::from(i) / f64::from(steps)) as f32;
			let error = ulps(function(x), exact(f64::from(x)));
			if error > worst {
				worst = error;
			}
		}
		worst
	}

	#[test]
	fn exp_should_stay_within_one_ulp_when_compared_with_f64() {
		let error = worst(-87.0, 88.7, exp, libm::exp).max(worst(-1.0, 1.0, exp, libm::exp));
		assert!(error < 1.0, "worst error {error} ulp");
		assert_eq!(exp(0.0), 1.0);
		assert_eq!(exp(-200.0), 0.0);
		assert_eq!(exp(100.0), f32::INFINITY);
		assert!(exp(f32::NAN).is_nan());
		assert!(ulps(exp(-100.0), libm::exp(-100.0)) <= 1.0, "gradual underflow");
	}

	#[test]
	fn tanh_should_stay_within_two_ulps_when_compared_with_f64() {
		let error = worst(-10.0, 10.0, tanh, libm::tanh).max(worst(-0.7, 0.7, tanh, libm::tanh));
		assert!(error < 2.0, "worst error {error} ulp");
		assert_eq!(tanh(-0.0).to_bits(), (-0.0f32).to_bits());
		assert_eq!(tanh(1e30), 1.0);
		assert_eq!(tanh(-1e30), -1.0);
	}

	#[test]
	fn erf_should_stay_within_one_ulp_when_compared_with_f64() {
		let error = worst(-5.0, 5.0, erf, libm::erf).max(worst(-1.0, 1.0, erf, libm::erf));
		assert!(error < 1.0, "worst error {error} ulp");
		assert_eq!(erf(1e10), 1.0);
		assert_eq!(erf(-1e10), -1.0);
	}

	#[test]
	fn activations_should_match_their_definitions_when_computed_in_f64() {
		for i in -4000..4000 {
			let x = i as f32 * 0.005;
			let wide = f64::from(x);
			let logistic = 1.0 / (1.0 + libm::exp(-wide));
			let close = |value: f32, exact: f64| (f64::from(value) - exact).abs() <= 3e-7 * (1.0 + exact.abs());
			assert!(close(sigmoid(x), logistic));
			assert!(close(silu(x), wide * logistic));
			assert!(close(quick_gelu(x), wide / (1.0 + libm::exp(-1.702 * wide))), "{x}");
			assert!(close(gelu_erf(x), 0.5 * wide * (1.0 + libm::erf(wide / 2f64.sqrt()))), "{x}");
			let inner = (2.0 / std::f64::consts::PI).sqrt() * (wide + 0.044715 * wide * wide * wide);
			assert!(close(gelu_tanh(x), 0.5 * wide * (1.0 + libm::tanh(inner))), "{x}");
		}
	}

	#[test]
	fn relu_should_keep_a_nan_when_given_one() {
		assert!(relu(f32::NAN).is_nan());
		assert_eq!(relu(-0.0).to_bits(), 0);
	}
}
