//! Packed and fused operations: the bits of the plain operations that they stand for, forward and backward.

mod common;

use std::slice::from_ref;

use autonomy_kernels::{self as kernels, with_isa, Activation, Isa, PackedConv2d, PackedLinear};
use candle_core::{Result, Tensor};
use common::{bits, check_gradients, noise, var};
use proptest::prelude::*;
use rayon::ThreadPoolBuilder;

const ACTIVATIONS: [Activation; 5] =
	[Activation::Silu, Activation::GeluErf, Activation::GeluTanh, Activation::QuickGelu, Activation::Relu];

/// The bits of the output, and of the gradient of every argument for an output gradient of noise.
fn outcome(arguments: &[Tensor], op: impl Fn(&[Tensor]) -> Result<Tensor>) -> Vec<Vec<u32>> {
	let vars: Vec<_> = arguments.iter().map(var).collect();
	let tensors: Vec<Tensor> = vars.iter().map(|v| v.as_tensor().clone()).collect();
	let y = op(&tensors).expect("shapes fit");
	let loss = kernels::sum_all(&(&y * noise("direction", y.dims())).expect("equal shapes")).expect("a sum");
	let gradients = loss.backward().expect("gradients");
	let mut all = vec![bits(&y)];
	all.extend(tensors.iter().map(|t| bits(gradients.get(t).expect("a gradient"))));
	all
}

fn last_dim(x: &Tensor) -> usize {
	x.dims()[x.rank() - 1]
}

/// The halves of every row.
fn halves(x: &Tensor) -> Result<(Tensor, Tensor)> {
	let n = last_dim(x) / 2;
	Ok((x.narrow(x.rank() - 1, 0, n)?, x.narrow(x.rank() - 1, n, n)?))
}

proptest! {
	#![proptest_config(ProptestConfig::with_cases(40))]

	#[test]
	fn packed_linear_should_equal_linear_for_any_shape(m in 1usize..40, k in 1usize..1100, n in 1usize..90) {
		let (x, w, b) = (noise("x", &[m, k]), noise("w", &[n, k]), noise("b", &[n]));
		let residual = noise("residual", &[m, n]);
		let layer = PackedLinear::new(&w, Some(&b)).expect("shapes fit");
		let plain = kernels::linear(&x, &w, Some(&b)).expect("shapes fit");
		prop_assert_eq!(bits(&layer.forward(&x).expect("shapes fit")), bits(&plain));
		for activation in ACTIVATIONS {
			let expected = bits(&activation.apply(&plain).expect("a tensor"));
			prop_assert_eq!(bits(&layer.forward_activated(&x, activation).expect("shapes fit")), expected.clone());
			let fused = kernels::linear_activated(&x, &w, Some(&b), activation).expect("shapes fit");
			prop_assert_eq!(bits(&fused), expected);
		}
		let sum = (plain + &residual).expect("equal shapes");
		prop_assert_eq!(bits(&layer.forward_add(&x, &residual).expect("shapes fit")), bits(&sum));
		let bare = PackedLinear::new(&w, None).expect("shapes fit").forward(&x).expect("shapes fit");
		prop_assert_eq!(bits(&bare), bits(&kernels::linear(&x, &w, None).expect("shapes fit")));
	}

	#[test]
	fn packed_convolution_should_equal_convolution_for_any_shape(
		b in 1usize..4, ci in 1usize..70, co in 1usize..40, h in 3usize..12, w in 3usize..12,
		kernel in 1usize..4, stride in 1usize..4, padding in 0usize..3,
	) {
		let (x, weight, bias) = (noise("x", &[b, ci, h, w]), noise("w", &[co, ci, kernel, kernel]), noise("b", &[co]));
		let layer = PackedConv2d::new(&weight, Some(&bias), stride, padding).expect("shapes fit");
		let plain = kernels::conv2d(&x, &weight, Some(&bias), stride, padding).expect("shapes fit");
		prop_assert_eq!(bits(&layer.forward(&x).expect("shapes fit")), bits(&plain));
		let residual = noise("residual", plain.dims());
		let sum = (plain + &residual).expect("equal shapes");
		prop_assert_eq!(bits(&layer.forward_add(&x, &residual).expect("shapes fit")), bits(&sum));
	}

	#[test]
	fn gates_should_equal_the_separate_operations_for_any_shape(rows in 1usize..20, n in 1usize..300, which in 0usize..5) {
		let activation = ACTIVATIONS[which];
		let fused = outcome(&[noise("x", &[rows, 2 * n])], |t| kernels::gated_halves(&t[0], activation));
		let plain = outcome(&[noise("x", &[rows, 2 * n])], |t| {
			let (value, gate) = halves(&t[0])?;
			value * activation.apply(&gate)?
		});
		prop_assert_eq!(fused, plain);
		let pair = [noise("value", &[rows, n]), noise("gate", &[rows, n])];
		let fused = outcome(&pair, |t| kernels::gated(&t[0], &t[1], activation));
		prop_assert_eq!(fused, outcome(&pair, |t| &t[0] * activation.apply(&t[1])?));
	}

	#[test]
	fn activated_norms_should_equal_the_separate_operations_for_any_shape(
		b in 1usize..4, groups in 1usize..5, per_group in 1usize..5, h in 1usize..9, w in 1usize..9, which in 0usize..5,
	) {
		let (activation, channels) = (ACTIVATIONS[which], groups * per_group);
		let arguments = [noise("x", &[b, channels, h, w]), noise("w", &[channels]), noise("b", &[channels])];
		let fused = outcome(&arguments, |t| {
			kernels::group_norm_activated(&t[0], &t[1], &t[2], groups, 1e-5, activation)
		});
		let plain = outcome(&arguments, |t| {
			activation.apply(&kernels::group_norm(&t[0], &t[1], &t[2], groups, 1e-5)?)
		});
		prop_assert_eq!(fused, plain);
	}
}

#[test]
fn activated_linear_should_have_the_gradients_of_the_separate_operations() {
	for activation in ACTIVATIONS {
		for (m, k, n) in [(1, 700, 33), (13, 40, 65), (70, 30, 20)] {
			let arguments = [noise("x", &[m, k]), noise("w", &[n, k]), noise("b", &[n])];
			let fused = outcome(&arguments, |t| kernels::linear_activated(&t[0], &t[1], Some(&t[2]), activation));
			let plain = outcome(&arguments, |t| activation.apply(&kernels::linear(&t[0], &t[1], Some(&t[2]))?));
			assert_eq!(fused, plain, "{activation:?} {m}×{k}×{n}");
		}
	}
}

#[test]
fn packed_layers_should_pass_the_gradients_of_plain_layers_to_their_inputs() {
	let (x, w, b) = (noise("x", &[9, 600]), noise("w", &[50, 600]), noise("b", &[50]));
	let residual = noise("residual", &[9, 50]);
	let layer = PackedLinear::new(&w, Some(&b)).expect("shapes fit");
	let plain = |t: &[Tensor]| kernels::linear(&t[0], &w, Some(&b));
	assert_eq!(outcome(from_ref(&x), |t| layer.forward(&t[0])), outcome(from_ref(&x), plain));
	let fused = outcome(from_ref(&x), |t| layer.forward_activated(&t[0], Activation::GeluErf));
	assert_eq!(fused, outcome(from_ref(&x), |t| kernels::gelu_erf(&plain(t)?)));
	let both = [x, residual];
	assert_eq!(outcome(&both, |t| layer.forward_add(&t[0], &t[1])), outcome(&both, |t| plain(t)? + &t[1]));

	for (stride, padding) in [(1, 1), (2, 1), (3, 0)] {
		let (x, w, b) = (noise("x", &[2, 6, 9, 8]), noise("w", &[14, 6, 3, 3]), noise("b", &[14]));
		let layer = PackedConv2d::new(&w, Some(&b), stride, padding).expect("shapes fit");
		let plain = |t: &[Tensor]| kernels::conv2d(&t[0], &w, Some(&b), stride, padding);
		assert_eq!(outcome(from_ref(&x), |t| layer.forward(&t[0])), outcome(from_ref(&x), plain));
		let residual = noise("residual", plain(from_ref(&x)).expect("shapes fit").dims());
		let both = [x, residual];
		assert_eq!(outcome(&both, |t| layer.forward_add(&t[0], &t[1])), outcome(&both, |t| plain(t)? + &t[1]));
	}
}

#[test]
fn fused_operations_should_have_the_gradients_of_finite_differences() {
	// Relu is left out: near its kink finite differences mean nothing.
	for activation in &ACTIVATIONS[..4] {
		let name = format!("{activation:?}");
		check_gradients(&name, &[noise("x", &[4, 7]), noise("w", &[5, 7]), noise("b", &[5])], |t| {
			kernels::linear_activated(&t[0], &t[1], Some(&t[2]), *activation)
		});
		check_gradients(&name, &[noise("x", &[2, 6, 3, 3]), noise("w", &[6]), noise("b", &[6])], |t| {
			kernels::group_norm_activated(&t[0], &t[1], &t[2], 3, 1e-5, *activation)
		});
		check_gradients(&name, &[noise("halves", &[4, 10])], |t| kernels::gated_halves(&t[0], *activation));
		check_gradients(&name, &[noise("value", &[4, 5]), noise("gate", &[4, 5])], |t| {
			kernels::gated(&t[0], &t[1], *activation)
		});
		let layer = PackedLinear::new(&noise("w", &[5, 7]), Some(&noise("b", &[5]))).expect("shapes fit");
		check_gradients(&name, &[noise("x", &[4, 7])], |t| layer.forward_activated(&t[0], *activation));
	}
	let layer = PackedConv2d::new(&noise("kernel", &[4, 3, 3, 3]), None, 2, 1).expect("shapes fit");
	check_gradients("packed conv", &[noise("x", &[2, 3, 6, 5])], |t| layer.forward(&t[0]));
}

/// Large enough that every operation splits its work over threads.
fn large() -> Result<Vec<Vec<u32>>> {
	let (x, w, b) = (noise("x", &[300, 700]), noise("w", &[170, 700]), noise("b", &[170]));
	let layer = PackedLinear::new(&w, Some(&b))?;
	let images = noise("images", &[2, 40, 33, 32]);
	let kernels_3x3 = noise("kernels", &[50, 40, 3, 3]);
	let conv = PackedConv2d::new(&kernels_3x3, None, 1, 1)?;
	let mut all = vec![
		bits(&layer.forward(&x)?),
		bits(&layer.forward(&x.narrow(0, 7, 1)?)?),
		bits(&layer.forward_activated(&x, Activation::Silu)?),
		bits(&layer.forward_add(&x, &noise("residual", &[300, 170]))?),
		bits(&conv.forward(&images)?),
		bits(&conv.forward_add(&images, &noise("residual", &[2, 50, 33, 32]))?),
	];
	all.extend(outcome(&[x, w, b], |t| kernels::linear_activated(&t[0], &t[1], Some(&t[2]), Activation::GeluErf)));
	all.extend(outcome(&[images, noise("weight", &[40]), noise("bias", &[40])], |t| {
		kernels::group_norm_activated(&t[0], &t[1], &t[2], 8, 1e-5, Activation::Silu)
	}));
	all.extend(outcome(&[noise("halves", &[300, 260])], |t| kernels::gated_halves(&t[0], Activation::GeluErf)));
	Ok(all)
}

#[test]
fn fused_results_should_not_change_when_threads_or_the_instruction_set_do() -> Result<()> {
	let on = |threads: usize| ThreadPoolBuilder::new().num_threads(threads).build().expect("a pool").install(large);
	let one = on(1)?;
	for threads in [2, 5] {
		assert!(on(threads)? == one, "{threads} threads");
	}
	for isa in [Isa::Scalar, Isa::Neon, Isa::Avx2, Isa::Avx512] {
		if let Some(found) = with_isa(isa, large) {
			assert!(found? == one, "{isa:?}");
		}
	}
	Ok(())
}

#[test]
fn packed_weights_should_serve_every_instruction_set_when_packed_for_another() -> Result<()> {
	let (w, b) = (noise("w", &[77, 530]), noise("b", &[77]));
	let (kernel, images) = (noise("kernel", &[29, 13, 3, 3]), noise("images", &[2, 13, 9, 10]));
	let conv_expected = bits(&kernels::conv2d(&images, &kernel, None, 1, 1)?);
	let sets = [Isa::Scalar, Isa::Neon, Isa::Avx2, Isa::Avx512];
	for packed_for in sets {
		let layers = with_isa(packed_for, || {
			Ok::<_, candle_core::Error>((PackedLinear::new(&w, Some(&b))?, PackedConv2d::new(&kernel, None, 1, 1)?))
		});
		let Some(layers) = layers else { continue };
		let (linear, conv) = layers?;
		for rows in [1, 3, 14] {
			let x = noise("x", &[rows, 530]);
			let expected = bits(&kernels::linear(&x, &w, Some(&b))?);
			for run_on in sets {
				if let Some(y) = with_isa(run_on, || linear.forward(&x)) {
					assert_eq!(bits(&y?), expected, "packed for {packed_for:?}, {rows} rows on {run_on:?}");
				}
			}
		}
		for run_on in sets {
			if let Some(y) = with_isa(run_on, || conv.forward(&images)) {
				assert_eq!(bits(&y?), conv_expected, "packed for {packed_for:?}, run on {run_on:?}");
			}
		}
	}
	Ok(())
}

#[test]
fn packed_layers_should_take_the_memory_of_their_weights() -> Result<()> {
	let layer = PackedLinear::new(&noise("w", &[640, 320]), Some(&noise("b", &[640])))?;
	assert_eq!(layer.bytes(), 4 * (640 * 320 + 640));
	// The last panel is filled up: at most 11 rows of an AVX-512 tile.
	let conv = PackedConv2d::new(&noise("kernel", &[320, 4, 3, 3]), None, 1, 1)?;
	assert!((4 * 320 * 36..=4 * 331 * 36).contains(&conv.bytes()), "{}", conv.bytes());
	Ok(())
}

#[test]
fn packed_layers_should_refuse_what_does_not_fit() -> Result<()> {
	let refused = |message: String, words: &[&str]| {
		for word in words {
			assert!(message.contains(word), "{message:?} does not name {word:?}");
		}
	};
	let weight = noise("w", &[5, 6]);
	let layer = PackedLinear::new(&weight, None)?;
	refused(layer.forward(&noise("x", &[2, 5])).expect_err("5 for 6").to_string(), &["[2, 5]", "(.., 6)"]);
	let x = noise("x", &[2, 6]);
	let error = layer.forward_add(&x, &noise("residual", &[2, 6])).expect_err("6 for 5");
	refused(error.to_string(), &["residual", "[2, 6]", "[2, 5]"]);
	let error = PackedLinear::new(var(&weight).as_tensor(), None).expect_err("a trained weight");
	refused(error.to_string(), &["weight is trained"]);
	let error = PackedLinear::new(&weight, Some(&noise("b", &[6]))).expect_err("6 for 5");
	refused(error.to_string(), &["bias", "[6]", "[5]"]);
	refused(PackedConv2d::new(&weight, None, 1, 1).expect_err("a matrix").to_string(), &["[5, 6]", "(co, ci, kh, kw)"]);
	let kernel = noise("kernel", &[4, 3, 3, 3]);
	refused(PackedConv2d::new(&kernel, None, 0, 1).expect_err("stride 0").to_string(), &["stride is 0"]);
	let conv = PackedConv2d::new(&kernel, None, 1, 0)?;
	refused(conv.forward(&noise("x", &[1, 2, 5, 5])).expect_err("2 for 3").to_string(), &["2 channels", "takes 3"]);
	refused(kernels::gated_halves(&noise("x", &[2, 5]), Activation::Silu).expect_err("odd").to_string(), &["even"]);
	let error = kernels::gated(&x, &weight, Activation::Silu).expect_err("other shapes");
	refused(error.to_string(), &["gated", "[2, 6]", "[5, 6]"]);
	Ok(())
}
