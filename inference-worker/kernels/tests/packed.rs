//! Layers with packed weights against the specification written out naively, bit for bit: for every way of storing the
//! weights, on every instruction set of this host, on one, two and five threads.

mod common;

use std::sync::OnceLock;

use autonomy_kernels::{self as kernels, gemm, math, with_isa, Activation, Isa, PackedConv2d, PackedLinear};
use candle_core::{Device, Result, Tensor};
use common::{bits, flat, ids, noise, var};
use half::{bf16, f16};
use proptest::prelude::*;
use rayon::{ThreadPool, ThreadPoolBuilder};

/// The type that holds all weights of a layer.
#[derive(Clone, Copy, Debug)]
enum Stored {
	F32,
	Bf16,
	F16,
}

const STORED: [Stored; 3] = [Stored::F32, Stored::Bf16, Stored::F16];

impl Stored {
	/// Noise as this type holds it, with zeros of either sign and numbers that are subnormal in f16 among it.
	fn weights(self, shape: &[usize]) -> Tensor {
		let round = |(i, value): (usize, f32)| {
			let value = match i % 13 {
				3 => -0.0,
				5 => 0.0,
				7 => value / 1_048_576.0,
				_ => value,
			};
			match self {
				Self::F32 => value,
				Self::Bf16 => bf16::from_f32(value).to_f32(),
				Self::F16 => f16::from_f32(value).to_f32(),
			}
		};
		let values: Vec<f32> = flat(&noise("weights", shape)).into_iter().enumerate().map(round).collect();
		Tensor::from_vec(values, shape, &Device::Cpu).expect("as many values as the shape holds")
	}
}

/// Noise with zeros of either sign and numbers that are subnormal in f32 among it.
fn inputs(name: &str, shape: &[usize]) -> Tensor {
	let special = |(i, value): (usize, f32)| match i % 29 {
		2 => -0.0,
		11 => 0.0,
		17 => value * 1e-39,
		_ => value,
	};
	let values: Vec<f32> = flat(&noise(name, shape)).into_iter().enumerate().map(special).collect();
	Tensor::from_vec(values, shape, &Device::Cpu).expect("as many values as the shape holds")
}

/// Calls `work` on every instruction set of this host, on pools of one, two and five threads.
fn everywhere(work: impl Fn(&str) + Sync) {
	static POOLS: OnceLock<Vec<ThreadPool>> = OnceLock::new();
	let pool = |threads| ThreadPoolBuilder::new().num_threads(threads).build().expect("a pool");
	let pools = POOLS.get_or_init(|| [1, 2, 5].map(pool).into());
	for isa in [Isa::Scalar, Isa::Neon, Isa::Avx2, Isa::Avx512] {
		with_isa(isa, || {
			for pool in pools {
				let place = format!("{isa:?} on {} threads", pool.current_num_threads());
				pool.install(|| work(&place));
			}
		});
	}
}

fn to_bits(values: &[f32]) -> Vec<u32> {
	values.iter().map(|value| value.to_bits()).collect()
}

fn added(a: &[f32], b: &[f32]) -> Vec<f32> {
	a.iter().zip(b).map(|(a, b)| a + b).collect()
}

/// The specification's linear layer.
fn linear(x: &Tensor, weight: &Tensor, bias: Option<&Tensor>) -> Vec<f32> {
	let ((m, k), n) = (x.dims2().expect("a matrix"), weight.dims()[0]);
	let columns = flat(&weight.t().and_then(|weight| weight.contiguous()).expect("a matrix"));
	let product = gemm::reference(m, n, k, &flat(x), &columns);
	match bias.map(flat) {
		Some(bias) => product.iter().enumerate().map(|(i, value)| value + bias[i % n]).collect(),
		None => product,
	}
}

/// The specification's convolution: every output pixel for itself.
fn convolution(x: &Tensor, weight: &Tensor, bias: &Tensor, stride: usize, padding: usize) -> Vec<f32> {
	let (b, ci, h, w) = x.dims4().expect("images");
	let (co, _, kh, kw) = weight.dims4().expect("kernels");
	let (oh, ow) = ((h + 2 * padding - kh) / stride + 1, (w + 2 * padding - kw) / stride + 1);
	let (x, weight, bias) = (flat(x), flat(weight), flat(bias));
	let k = ci * kh * kw;
	let mut columns = Vec::new();
	for (image, pixel) in (0..b).flat_map(|image| (0..oh * ow).map(move |pixel| (image, pixel))) {
		for p in 0..k {
			let (c, ky, kx) = (p / (kh * kw), p / kw % kh, p % kw);
			let (y, z) = (pixel / ow * stride + ky, pixel % ow * stride + kx);
			let inside = (padding..padding + h).contains(&y) && (padding..padding + w).contains(&z);
			columns.push(if inside { x[((image * ci + c) * h + y - padding) * w + z - padding] } else { 0.0 });
		}
	}
	let mut out = Vec::new();
	for (image, o) in (0..b).flat_map(|image| (0..co).map(move |o| (image, o))) {
		for pixel in 0..oh * ow {
			let column = &columns[(image * oh * ow + pixel) * k..][..k];
			out.push(gemm::reference(1, 1, k, &weight[o * k..][..k], column)[0] + bias[o]);
		}
	}
	out
}

/// Activations and the functions that specify them.
type Function = fn(f32) -> f32;

const ACTIVATIONS: [(Activation, Function); 5] = [
	(Activation::Silu, math::silu),
	(Activation::GeluErf, math::gelu_erf),
	(Activation::GeluTanh, math::gelu_tanh),
	(Activation::QuickGelu, math::quick_gelu),
	(Activation::Relu, math::relu),
];

/// Compares every form of a linear layer with the specification, packed where it runs and packed elsewhere.
fn check_linear((m, n, k): (usize, usize, usize), stored: Stored, (activation, scalar): (Activation, fn(f32) -> f32)) {
	let (x, w, b) = (inputs("x", &[m, k]), stored.weights(&[n, k]), noise("bias", &[n]));
	let residual = inputs("residual", &[m, n]);
	let (bare, biased) = (linear(&x, &w, None), linear(&x, &w, Some(&b)));
	let activated: Vec<f32> = biased.iter().map(|value| scalar(*value)).collect();
	let sum = added(&biased, &flat(&residual));
	let rows: Vec<u32> = (0..7).map(|i| (i * 31 % n) as u32).collect();
	let looked_up: Vec<f32> = rows.iter().flat_map(|row| flat(&w)[*row as usize * k..][..k].to_vec()).collect();
	let rows = ids(&rows, &[7]);
	let new = || PackedLinear::new(&w, Some(&b)).expect("shapes fit");
	let elsewhere = new();
	everywhere(|place| {
		for layer in [&elsewhere, &new()] {
			let name = format!("{m}×{k}×{n} of {stored:?} for {activation:?}, {place}");
			let run = |result: Result<Tensor>| bits(&result.expect("shapes fit"));
			assert_eq!(run(layer.forward(&x)), to_bits(&biased), "{name}");
			assert_eq!(run(layer.forward_activated(&x, activation)), to_bits(&activated), "{name}");
			assert_eq!(run(layer.forward_add(&x, &residual)), to_bits(&sum), "{name}");
			assert_eq!(run(layer.weight()), bits(&w), "{name}");
			assert_eq!(run(layer.rows(&rows)), to_bits(&looked_up), "{name}");
			let layer = PackedLinear::new(&w, None).expect("shapes fit");
			assert_eq!(run(layer.forward(&x)), to_bits(&bare), "{name}");
		}
	});
}

/// Inner sizes, most of them around the ends of the specification's blocks.
fn inner() -> impl Strategy<Value = usize> {
	prop_oneof![1usize..80, 505usize..520, 1020usize..1030, 1usize..1100]
}

proptest! {
	#![proptest_config(ProptestConfig::with_cases(24))]

	#[test]
	fn packed_linear_should_equal_the_specification_for_any_shape(
		m in 1usize..=20, n in 1usize..140, k in inner(), stored in 0usize..3, activation in 0usize..5,
	) {
		check_linear((m, n, k), STORED[stored], ACTIVATIONS[activation]);
	}

	#[test]
	fn packed_convolution_should_equal_the_specification_for_any_shape(
		b in 1usize..4, ci in 1usize..70, co in 1usize..40, h in 3usize..10, w in 3usize..10,
		kernel in 1usize..4, stride in 1usize..4, padding in 0usize..3, stored in 0usize..3,
	) {
		let stored = STORED[stored];
		let (x, bias) = (inputs("x", &[b, ci, h, w]), noise("b", &[co]));
		let weight = stored.weights(&[co, ci, kernel, kernel]);
		let expected = convolution(&x, &weight, &bias, stride, padding);
		let dims = [b, co, (h + 2 * padding - kernel) / stride + 1, (w + 2 * padding - kernel) / stride + 1];
		let residual = inputs("residual", &dims);
		let sum = added(&expected, &flat(&residual));
		let new = || PackedConv2d::new(&weight, Some(&bias), stride, 1).expect("shapes fit");
		let elsewhere = new();
		everywhere(|place| {
			for layer in [&elsewhere, &new()] {
				let name = format!("{b}×{ci}→{co} {h}×{w} kernel {kernel} stride {stride} of {stored:?}, {place}");
				let y = layer.forward_padded(&x, padding).expect("shapes fit");
				assert_eq!(y.dims(), dims, "{name}");
				assert_eq!(bits(&y), to_bits(&expected), "{name}");
				let y = layer.forward_padded_add(&x, &residual, padding).expect("shapes fit");
				assert_eq!(bits(&y), to_bits(&sum), "{name}");
			}
		});
	}
}

#[test]
fn packed_layers_should_equal_the_specification_when_threads_share_a_product() {
	for stored in STORED {
		for (m, n, k) in [(1, 2100, 1030), (4, 700, 1025), (5, 530, 1024), (19, 300, 511), (100, 70, 600)] {
			check_linear((m, n, k), stored, ACTIVATIONS[1]);
		}
		let (x, weight, bias) = (inputs("x", &[2, 60, 16, 17]), stored.weights(&[37, 60, 3, 3]), noise("b", &[37]));
		let layer = PackedConv2d::new(&weight, Some(&bias), 1, 1).expect("shapes fit");
		let expected = to_bits(&convolution(&x, &weight, &bias, 1, 1));
		everywhere(|place| {
			assert_eq!(bits(&layer.forward(&x).expect("shapes fit")), expected, "{stored:?}, {place}");
		});
	}
}

#[test]
fn weights_should_take_two_bytes_when_nothing_is_lost() -> Result<()> {
	for (stored, bytes) in [(Stored::F32, 4), (Stored::Bf16, 2), (Stored::F16, 2)] {
		let layer = PackedLinear::new(&stored.weights(&[640, 320]), None)?;
		assert_eq!(layer.bytes(), bytes * 640 * 320, "{stored:?}");
		let conv = PackedConv2d::new(&stored.weights(&[96, 40, 3, 3]), None, 1, 1)?;
		assert_eq!(conv.bytes(), bytes * 96 * 360, "{stored:?}");
	}
	Ok(())
}

#[test]
fn weights_should_come_back_as_they_were_when_some_are_not_finite() -> Result<()> {
	for special in [0x7f80_0000, 0xff80_0000, 0x7fc0_0000, 0xffc0_0001, 0x7f80_0001, 0x0000_0001, 0x8000_0001] {
		for stored in STORED {
			let mut values = flat(&stored.weights(&[37, 20]));
			values[133] = f32::from_bits(special);
			let weight = Tensor::from_slice(&values, (37, 20), &Device::Cpu)?;
			let layer = PackedLinear::new(&weight, None)?;
			assert_eq!(bits(&layer.weight()?), to_bits(&values), "{special:#x} among {stored:?}");
			let row = layer.rows(&ids(&[6], &[1]))?;
			assert_eq!(bits(&row), to_bits(&values[120..140]), "{special:#x} among {stored:?}");
			let y = layer.forward(&inputs("x", &[3, 20]))?;
			assert_eq!(kernels::check_finite(&y).is_ok(), values[133].is_finite(), "{special:#x} among {stored:?}");
		}
	}
	Ok(())
}

#[test]
fn packed_layers_should_pass_the_gradient_of_the_specification_however_weights_are_stored() -> Result<()> {
	let (m, n, k) = (9, 50, 600);
	for stored in STORED {
		let (x, w, g) = (var(&noise("x", &[m, k])), stored.weights(&[n, k]), noise("g", &[m, n]));
		let y = PackedLinear::new(&w, None)?.forward(x.as_tensor())?;
		let gradients = kernels::sum_all(&(y * &g)?)?.backward()?;
		let expected = to_bits(&gemm::reference(m, k, n, &flat(&g), &flat(&w)));
		assert_eq!(bits(gradients.get(x.as_tensor()).expect("a gradient")), expected, "{stored:?}");

		let (x, w) = (var(&noise("x", &[2, 6, 9, 8])), stored.weights(&[14, 6, 3, 3]));
		let gradient = |y: Tensor| -> Result<Vec<u32>> {
			let gradients = kernels::sum_all(&(&y * noise("g", y.dims()))?)?.backward()?;
			Ok(bits(gradients.get(x.as_tensor()).expect("a gradient")))
		};
		let packed = gradient(PackedConv2d::new(&w, None, 2, 1)?.forward(x.as_tensor())?)?;
		assert_eq!(packed, gradient(kernels::conv2d(x.as_tensor(), &w, None, 2, 1)?)?, "{stored:?}");
	}
	Ok(())
}

#[test]
fn rows_should_be_refused_when_they_are_not_in_the_table() -> Result<()> {
	let layer = PackedLinear::new(&Stored::Bf16.weights(&[5, 3]), None)?;
	let error = layer.rows(&ids(&[4, 5], &[2])).expect_err("5 rows").to_string();
	assert!(error.contains("index 5") && error.contains("5 rows"), "{error}");
	assert!(layer.rows(&noise("x", &[2])).expect_err("no indices").to_string().contains("U32"));
	let transposed = ids(&[0, 1, 2, 3, 4, 0], &[2, 3]).t()?;
	assert_eq!(layer.rows(&transposed)?.dims(), [3, 2, 3]);
	assert_eq!(bits(&layer.rows(&transposed)?), bits(&layer.rows(&transposed.contiguous()?)?));
	Ok(())
}

#[test]
fn convolution_should_be_refused_when_its_padding_is_absurd() -> Result<()> {
	let (x, weight) = (noise("x", &[1, 2, 5, 5]), noise("w", &[3, 2, 3, 3]));
	let layer = PackedConv2d::new(&weight, None, 1, 1)?;
	for padding in [usize::MAX, usize::MAX / 2 + 1, 1 << 40, 1 << 31] {
		for result in [layer.forward_padded(&x, padding), kernels::conv2d(&x, &weight, None, 1, padding)] {
			let error = result.expect_err("too much for any memory").to_string();
			assert!(error.contains("padding") && error.contains("too large"), "{error}");
		}
	}
	Ok(())
}
