//! Properties that hold for any shape.

mod common;

use autonomy_kernels::{self as kernels, gemm, rng::Noise};
use candle_core::Tensor;
use common::{bits, flat, noise, var};
use proptest::prelude::*;

proptest! {
	#![proptest_config(ProptestConfig::with_cases(60))]

	#[test]
	fn linear_should_equal_the_specification_for_any_shape(m in 1usize..40, k in 1usize..1100, n in 1usize..90) {
		let (x, w) = (noise("x", &[m, k]), noise("w", &[n, k]));
		let y = kernels::linear(&x, &w, None).expect("shapes fit");
		let transposed = flat(&w.t().and_then(|w| w.contiguous()).expect("a matrix"));
		let expected: Vec<u32> =
			gemm::reference(m, n, k, &flat(&x), &transposed).into_iter().map(f32::to_bits).collect();
		prop_assert_eq!(bits(&y), expected);
	}

	#[test]
	fn convolution_of_a_batch_should_be_that_of_its_images(
		b in 1usize..4, ci in 1usize..20, co in 1usize..40, h in 3usize..12, w in 3usize..12,
		kernel in 1usize..4, stride in 1usize..4, padding in 0usize..3,
	) {
		let (x, weight) = (noise("x", &[b, ci, h, w]), noise("w", &[co, ci, kernel, kernel]));
		let all = kernels::conv2d(&x, &weight, None, stride, padding).expect("shapes fit");
		let reference = x.conv2d(&weight, padding, stride, 1, 1).expect("shapes fit");
		prop_assert!(common::distance(&all, &reference) < 1e-3);
		let images: Vec<Tensor> = (0..b)
			.map(|i| {
				let image = x.narrow(0, i, 1).expect("an image");
				kernels::conv2d(&image, &weight, None, stride, padding).expect("shapes fit")
			})
			.collect();
		prop_assert_eq!(bits(&all), bits(&Tensor::cat(&images, 0).expect("equal shapes")));
	}

	#[test]
	fn convolution_should_be_the_adjoint_of_its_input_gradient(
		ci in 1usize..8, co in 1usize..8, h in 3usize..9, w in 3usize..9,
		kernel in 1usize..4, stride in 1usize..4, padding in 0usize..3,
	) {
		// <conv(x), g> = <x, gradient of x for g>, and the same for the weight.
		let (x, weight) = (var(&noise("x", &[2, ci, h, w])), var(&noise("w", &[co, ci, kernel, kernel])));
		let y = kernels::conv2d(x.as_tensor(), weight.as_tensor(), None, stride, padding).expect("shapes fit");
		let g = noise("g", y.dims());
		let loss = kernels::sum_all(&(&y * &g).expect("equal shapes")).expect("a sum");
		let gradients = loss.backward().expect("gradients");
		let inner = |a: &[f32], b: &[f32]| -> f64 { a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum() };
		let expected = inner(&flat(&y), &flat(&g));
		for argument in [&x, &weight] {
			let gradient = gradients.get(argument.as_tensor()).expect("a gradient");
			let found = inner(&flat(argument.as_tensor()), &flat(gradient));
			prop_assert!((found - expected).abs() < 1e-3 * (1.0 + expected.abs()), "{found} {expected}");
		}
	}

	#[test]
	fn attention_of_a_row_should_not_depend_on_the_others(
		group in 1usize..4, rows in 1usize..120, d in 1usize..30, at in 0usize..120,
	) {
		let at = at % rows;
		let (q, k, v) = (noise("q", &[1, group, rows, d]), noise("k", &[1, 1, rows, d]), noise("v", &[1, 1, rows, d]));
		let all = kernels::attention(&q, &k, &v, 0.3, Some(0)).expect("shapes fit");
		let narrow = |t: &Tensor, from: usize, len: usize| t.narrow(2, from, len).expect("rows");
		let one = kernels::attention(&narrow(&q, at, 1), &narrow(&k, 0, at + 1), &narrow(&v, 0, at + 1), 0.3, Some(at));
		prop_assert_eq!(bits(&one.expect("shapes fit")), bits(&narrow(&all, at, 1)));
	}

	#[test]
	fn noise_should_not_depend_on_where_reading_starts(stream in any::<u32>(), offset in 0u64..1 << 37, n in 1usize..100) {
		let source = Noise::new([5; 32]);
		let words = source.bits(stream, offset, n);
		prop_assert_eq!(source.bits(stream, offset + n as u64 - 1, 1)[0], words[n - 1]);
		let normal = source.normal(stream, offset, n);
		prop_assert_eq!(source.normal(stream, offset + n as u64 - 1, 1)[0].to_bits(), normal[n - 1].to_bits());
	}
}
