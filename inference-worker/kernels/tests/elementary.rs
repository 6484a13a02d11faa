//! The elementary functions and the random numbers as SPECIFICATION.md writes them, with the bits of its constants.

mod common;

use autonomy_kernels::{math, rng::Noise};

fn constant(bits: u32) -> f32 {
	f32::from_bits(bits)
}

/// Horner's scheme by fused multiply-adds: the first constant, then each of the others.
fn horner(first: u32, rest: &[u32], x: f32) -> f32 {
	rest.iter().fold(constant(first), |sum, bits| sum.mul_add(x, constant(*bits)))
}

/// The bits of the negated number.
const fn minus(bits: u32) -> u32 {
	bits ^ 0x8000_0000
}

fn with_sign(magnitude: f32, x: f32) -> f32 {
	if x.is_sign_negative() {
		-magnitude
	} else {
		magnitude
	}
}

fn power_of_two(exponent: f32) -> f32 {
	constant(((exponent as i32 + 127) as u32) << 23)
}

fn exp(x: f32) -> f32 {
	if x.is_nan() {
		return x;
	}
	let x = if x < -104.0 { -104.0 } else { x };
	let x = if x > 89.0 { 89.0 } else { x };
	let t = x.mul_add(constant(0x3fb8_aa3b), constant(0x4b40_0000));
	let n = t - constant(0x4b40_0000);
	let r = n.mul_add(constant(minus(0x3f31_7200)), x);
	let r = n.mul_add(constant(minus(0x35bf_be8e)), r);
	let one = 1.0f32.to_bits();
	let p = horner(0x3ab4_a000, &[0x3c09_2f6e, 0x3d2a_adad, 0x3e2a_aa28, 0x3eff_fffb, one, one], r);
	let h = (n / 2.0).floor();
	(p * power_of_two(h)) * power_of_two(n - h)
}

fn tanh(x: f32) -> f32 {
	let (a, s) = (x.abs(), x * x);
	let magnitude = if a < constant(0x3f19_8000) {
		let q = horner(0x3c80_f000, &[minus(0x3d56_3b36), 0x3e08_591f, minus(0x3eaa_a9ed)], s);
		(q * s).mul_add(a, a)
	} else {
		1.0 - 2.0 / (exp(2.0 * a) + 1.0)
	};
	with_sign(magnitude, x)
}

fn erf(x: f32) -> f32 {
	let (a, s) = (x.abs(), x * x);
	if a > constant(0x3f6d_8000) {
		let r = horner(minus(0x3791_0000), &[0x39c8_e7dc], a);
		let u = horner(minus(0x3b7e_8a1c), &[0x3cc6_b1a1], a);
		let r = r.mul_add(s, u);
		let r = r.mul_add(a, constant(minus(0x3dda_ae5c)));
		let r = r.mul_add(a, constant(minus(0x3f22_8550)));
		let r = r.mul_add(a, constant(minus(0x3e03_ce86)));
		let r = r.mul_add(a, -a);
		return with_sign(1.0 - exp(r), x);
	}
	let rest = [0x3ba3_8d2c, minus(0x3cdb_48d9), 0x3de7_0e22, minus(0x3ec0_9380), 0x3e03_75d4];
	horner(minus(0x3a1c_7000), &rest, s).mul_add(x, x)
}

fn sigmoid(x: f32) -> f32 {
	1.0 / (1.0 + exp(-x))
}

fn silu(x: f32) -> f32 {
	x / (1.0 + exp(-x))
}

fn quick_gelu(x: f32) -> f32 {
	x / (1.0 + exp(-constant(0x3fd9_db23) * x))
}

fn gelu_tanh(x: f32) -> f32 {
	let (c, d) = (constant(0x3f4c_422a), constant(0x3d37_2713));
	0.5 * x * (1.0 + tanh(c * x * (1.0 + d * x * x)))
}

fn gelu_erf(x: f32) -> f32 {
	0.5 * x * (1.0 + erf(x * constant(0x3f35_04f3)))
}

fn relu(x: f32) -> f32 {
	if x <= 0.0 {
		0.0
	} else {
		x
	}
}

#[test]
fn functions_should_have_the_bits_of_the_specification_for_numbers_of_every_size() {
	type Function = fn(f32) -> f32;
	let functions: [(&str, Function, Function); 9] = [
		("exp", math::exp, exp),
		("tanh", math::tanh, tanh),
		("erf", math::erf, erf),
		("sigmoid", math::sigmoid, sigmoid),
		("silu", math::silu, silu),
		("quick_gelu", math::quick_gelu, quick_gelu),
		("gelu_tanh", math::gelu_tanh, gelu_tanh),
		("gelu_erf", math::gelu_erf, gelu_erf),
		("relu", math::relu, relu),
	];
	// Every 8191st number, and all sizes around the places where a function changes its formula.
	let everywhere = (0..=u32::MAX).step_by(8191);
	let borders = [0x3f19_8000u32, 0x3f6d_8000, 104.0f32.to_bits(), 89.0f32.to_bits(), 0, 0x0080_0000, 0x7f80_0000];
	let around = borders.into_iter().flat_map(|bits| bits.saturating_sub(200)..bits + 200);
	let around = around.flat_map(|bits| [bits, minus(bits)]);
	for x in everywhere.chain(around).map(f32::from_bits) {
		for (name, found, specified) in functions {
			let (found, specified) = (found(x), specified(x));
			let same = found.to_bits() == specified.to_bits() || found.is_nan() && specified.is_nan();
			assert!(same, "{name}({x:e}, {:#010x}): {found:e} for {specified:e}", x.to_bits());
		}
	}
}

#[test]
fn random_numbers_should_be_those_of_the_specification() {
	let source = Noise::new([7; 32]);
	let words = source.bits(5, 0, 1002);
	let uniform: Vec<f32> = words.iter().map(|word| (word / 256) as f32 / 16_777_216.0).collect();
	assert_eq!(source.uniform(5, 0, 1002), uniform);
	let mut normal = Vec::new();
	for pair in words.chunks(2) {
		let scale = 1.0 / 4_294_967_296.0f64;
		let (u, v) = ((f64::from(pair[0]) + 1.0) * scale, f64::from(pair[1]) * scale);
		let (radius, angle) = ((-2.0 * libm::log(u)).sqrt(), 2.0 * std::f64::consts::PI * v);
		normal.extend([(radius * libm::cos(angle)) as f32, (radius * libm::sin(angle)) as f32]);
	}
	assert_eq!(source.normal(5, 0, 1002), normal);
	let tensor = source.normal_tensor(5, (6, 167)).expect("1002 values");
	assert_eq!(common::flat(&tensor), normal);
}
