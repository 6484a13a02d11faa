//! What must not change a bit: threads, instruction set, batch size, memory layout.

mod common;

use autonomy_kernels::{self as kernels, exactness, with_isa, Isa};
use candle_core::{Result, Tensor};
use common::{bits, noise, var};
use rayon::ThreadPoolBuilder;

/// Large enough that every kernel splits its work over threads.
fn large() -> Result<Vec<Vec<u32>>> {
	let mut all = Vec::new();
	let mut keep = |arguments: &[Tensor], op: &dyn Fn(&[Tensor]) -> Result<Tensor>| -> Result<()> {
		let vars: Vec<_> = arguments.iter().map(var).collect();
		let tensors: Vec<Tensor> = vars.iter().map(|v| v.as_tensor().clone()).collect();
		let y = op(&tensors)?;
		all.push(bits(&y));
		let gradients = kernels::sum_all(&(&y * noise("direction", y.dims()))?)?.backward()?;
		all.extend(tensors.iter().map(|t| bits(gradients.get(t).expect("a gradient"))));
		Ok(())
	};
	keep(&[noise("x", &[300, 700]), noise("w", &[170, 700]), noise("b", &[170])], &|t| {
		kernels::linear(&t[0], &t[1], Some(&t[2]))
	})?;
	keep(&[noise("row", &[1, 3000]), noise("w", &[500, 3000])], &|t| kernels::linear(&t[0], &t[1], None))?;
	keep(&[noise("a", &[40, 33, 60]), noise("b", &[40, 60, 50])], &|t| kernels::matmul(&t[0], &t[1]))?;
	for stride in [1, 2] {
		keep(&[noise("x", &[4, 40, 17, 16]), noise("w", &[50, 40, 3, 3]), noise("b", &[50])], &|t| {
			kernels::conv2d(&t[0], &t[1], Some(&t[2]), stride, 1)
		})?;
	}
	keep(&[noise("q", &[2, 4, 150, 24]), noise("k", &[2, 2, 150, 24]), noise("v", &[2, 2, 150, 24])], &|t| {
		kernels::attention(&t[0], &t[1], &t[2], 0.2, Some(0))
	})?;
	keep(&[noise("x", &[4, 32, 32, 32]), noise("w", &[32]), noise("b", &[32])], &|t| {
		kernels::group_norm(&t[0], &t[1], &t[2], 8, 1e-5)
	})?;
	keep(&[noise("x", &[1000, 96]), noise("w", &[96]), noise("b", &[96])], &|t| {
		kernels::layer_norm(&t[0], &t[1], &t[2], 1e-5)
	})?;
	keep(&[noise("x", &[1000, 96]), noise("w", &[96])], &|t| kernels::rms_norm(&t[0], &t[1], 1e-5))?;
	keep(&[noise("x", &[700, 150])], &|t| kernels::softmax(&t[0]))?;
	keep(&[noise("x", &[100_003])], &|t| kernels::gelu_erf(&t[0]))?;
	keep(&[noise("x", &[1300, 70]), noise("b", &[70])], &|t| kernels::add_bias(&t[0], &t[1]))?;
	keep(&[noise("x", &[5, 20, 30, 31]), noise("s", &[5, 20]), noise("t", &[5, 20])], &|t| {
		kernels::channel_affine(&t[0], &t[1], &t[2])
	})?;
	keep(&[noise("x", &[3, 10, 40, 41])], &|t| kernels::upsample_nearest2x(&t[0]))?;
	Ok(all)
}

#[test]
fn results_should_not_change_when_the_number_of_threads_does() -> Result<()> {
	let on = |threads: usize| {
		let pool = ThreadPoolBuilder::new().num_threads(threads).build().expect("a pool");
		pool.install(|| Ok::<_, candle_core::Error>((large()?, exactness::report()?)))
	};
	let one = on(1)?;
	for threads in [2, 5, 7] {
		let other = on(threads)?;
		assert_eq!(one.1.lines, other.1.lines, "{threads} threads");
		assert!(one.0 == other.0, "{threads} threads");
	}
	Ok(())
}

#[test]
fn results_should_not_change_when_the_instruction_set_does() -> Result<()> {
	let mut reports = Vec::new();
	for isa in [Isa::Scalar, Isa::Neon, Isa::Avx2, Isa::Avx512] {
		if let Some(report) = with_isa(isa, || Ok::<_, candle_core::Error>((large()?, exactness::report()?))) {
			let (large, report) = report?;
			reports.push((isa, large, report.lines));
		}
	}
	for (isa, large, report) in &reports[1..] {
		assert_eq!(report, &reports[0].2, "{isa:?} and {:?}", reports[0].0);
		assert!(large == &reports[0].1, "{isa:?} and {:?}", reports[0].0);
	}
	Ok(())
}

#[test]
fn rows_should_not_change_when_the_batch_does() -> Result<()> {
	let (x, w) = (noise("x", &[64, 1100]), noise("w", &[130, 1100]));
	let all = bits(&kernels::linear(&x, &w, None)?);
	for rows in [1, 2, 3, 5, 12, 13, 63] {
		let part = bits(&kernels::linear(&x.narrow(0, 64 - rows, rows)?, &w, None)?);
		assert_eq!(part, all[(64 - rows) * 130..], "{rows} rows");
	}
	for columns in [1, 2, 17, 33, 129] {
		let part = bits(&kernels::linear(&x, &w.narrow(0, 0, columns)?, None)?);
		for i in 0..64 {
			assert_eq!(part[i * columns..(i + 1) * columns], all[i * 130..i * 130 + columns], "{columns} columns");
		}
	}
	let (images, kernel) = (noise("images", &[5, 30, 8, 8]), noise("kernel", &[20, 30, 3, 3]));
	let all = bits(&kernels::conv2d(&images, &kernel, None, 1, 1)?);
	for image in 0..5 {
		let one = bits(&kernels::conv2d(&images.narrow(0, image, 1)?, &kernel, None, 1, 1)?);
		assert_eq!(one, all[image * one.len()..(image + 1) * one.len()]);
	}
	Ok(())
}

#[test]
fn decoding_should_give_the_bits_of_a_prefill() -> Result<()> {
	let (q, k, v) = (noise("q", &[1, 4, 20, 16]), noise("k", &[1, 2, 20, 16]), noise("v", &[1, 2, 20, 16]));
	let prefill = kernels::attention(&q, &k, &v, 0.25, Some(0))?;
	for position in 0..20 {
		let step = kernels::attention(
			&q.narrow(2, position, 1)?,
			&k.narrow(2, 0, position + 1)?,
			&v.narrow(2, 0, position + 1)?,
			0.25,
			Some(position),
		)?;
		assert_eq!(bits(&step), bits(&prefill.narrow(2, position, 1)?), "position {position}");
		// A cache longer than the sequence changes nothing either.
		let roomy = kernels::attention(&q.narrow(2, position, 1)?, &k, &v, 0.25, Some(position))?;
		assert_eq!(bits(&roomy), bits(&step), "position {position}");
	}
	Ok(())
}

#[test]
fn results_should_not_change_when_an_argument_is_a_view() -> Result<()> {
	let x = noise("x", &[6, 5, 9]);
	let view = x.transpose(0, 2)?;
	let copy = view.copy()?;
	assert_eq!(bits(&kernels::silu(&view)?), bits(&kernels::silu(&copy)?));
	assert_eq!(bits(&kernels::softmax(&view)?), bits(&kernels::softmax(&copy)?));
	let w = noise("w", &[6, 4]).t()?;
	assert_eq!(bits(&kernels::linear(&view, &w, None)?), bits(&kernels::linear(&copy, &w.copy()?, None)?));
	Ok(())
}

#[test]
fn infinities_should_not_hide_when_they_pass_through_a_kernel() -> Result<()> {
	let x = Tensor::new(&[1.0f32, f32::NAN, 2.0, -1.0], &candle_core::Device::Cpu)?.reshape((1, 4))?;
	for y in [kernels::softmax(&x)?, kernels::relu(&x)?, kernels::silu(&x)?, kernels::sum_all(&x)?, kernels::exp(&x)?] {
		assert!(kernels::check_finite(&y).is_err());
	}
	assert!(kernels::check_finite(&kernels::exp(&Tensor::new(&[100.0f32], &candle_core::Device::Cpu)?)?).is_err());
	Ok(())
}
