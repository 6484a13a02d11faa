//! The GPU gives the bits of the CPU. Needs the feature `cuda` and a GPU.
#![cfg(feature = "cuda")]

mod common;

use autonomy_kernels::{self as kernels, exactness, Activation};
use candle_core::{Device, Result, Tensor};
use common::{bits, ids, noise};

/// The first GPU, whose work all threads queue in one stream.
fn gpu() -> Result<Device> {
	Device::new_cuda_with_stream(0)
}

/// Runs an operation on both and compares every bit.
fn compare(name: &str, arguments: &[Tensor], op: impl Fn(&[Tensor]) -> Result<Tensor>) -> Result<()> {
	let gpu = gpu()?;
	let expected = op(arguments)?;
	let moved = arguments.iter().map(|argument| argument.to_device(&gpu)).collect::<Result<Vec<_>>>()?;
	let found = op(&moved)?.to_device(&Device::Cpu)?;
	assert_eq!(found.dims(), expected.dims(), "{name}");
	let differences = bits(&found).iter().zip(bits(&expected)).filter(|(found, expected)| **found != *expected).count();
	assert_eq!(differences, 0, "{name}: values that differ of {}", expected.elem_count());
	Ok(())
}

#[test]
fn forward_passes_should_have_the_golden_digests() -> Result<()> {
	let golden = include_str!("golden.txt");
	let lines = exactness::forward_report(&gpu()?)?.lines;
	assert_eq!(lines.len(), 44, "number of operations that a GPU has");
	let others: Vec<_> =
		lines.iter().filter(|(name, digest)| !golden.contains(&format!("{digest} {name}\n"))).collect();
	assert!(others.is_empty(), "{} of {} digests are not the CPU's: {others:?}", others.len(), lines.len());
	Ok(())
}

#[test]
fn products_should_have_the_bits_of_the_cpu() -> Result<()> {
	for (m, k, n) in [(1, 1, 1), (1, 1300, 70), (2, 513, 33), (13, 600, 50), (130, 30, 20), (300, 1100, 170)] {
		let name = format!("{m}×{k}×{n}");
		compare(&name, &[noise("a", &[m, k]), noise("b", &[k, n])], |t| kernels::matmul(&t[0], &t[1]))?;
		let arguments = [noise("x", &[m, k]), noise("w", &[n, k]), noise("b", &[n])];
		compare(&name, &arguments, |t| kernels::linear(&t[0], &t[1], Some(&t[2])))?;
		compare(&name, &arguments[..2], |t| kernels::linear(&t[0], &t[1], None))?;
		compare(&name, &arguments, |t| kernels::linear_activated(&t[0], &t[1], Some(&t[2]), Activation::GeluErf))?;
	}
	compare("batch", &[noise("a", &[2, 3, 7, 9]), noise("b", &[2, 3, 9, 11])], |t| kernels::matmul(&t[0], &t[1]))?;
	for (b, ci, co, size, kernel, stride, padding) in
		[(2, 3, 16, 9, 3, 1, 1), (1, 70, 20, 8, 3, 1, 1), (3, 20, 13, 7, 3, 2, 1), (2, 33, 40, 6, 1, 1, 0)]
	{
		let arguments =
			[noise("x", &[b, ci, size, size + 1]), noise("w", &[co, ci, kernel, kernel]), noise("b", &[co])];
		compare("conv", &arguments, |t| kernels::conv2d(&t[0], &t[1], Some(&t[2]), stride, padding))?;
		compare("conv", &arguments[..2], |t| kernels::conv2d(&t[0], &t[1], None, stride, padding))?;
	}
	Ok(())
}

#[test]
fn attention_should_have_the_bits_of_the_cpu() -> Result<()> {
	for (heads, key_heads, lq, lk, d, causal) in [
		(2, 2, 100, 100, 16, None),
		(4, 2, 17, 17, 8, Some(0)),
		(2, 1, 1, 700, 16, Some(699)),
		(1, 1, 20, 77, 40, None),
		(2, 2, 600, 600, 8, Some(0)),
	] {
		let arguments =
			[noise("q", &[1, heads, lq, d]), noise("k", &[1, key_heads, lk, d]), noise("v", &[1, key_heads, lk, d])];
		compare("attention", &arguments, |t| kernels::attention(&t[0], &t[1], &t[2], 0.25, causal))?;
	}
	let arguments = [noise("x", &[1, 3, 9, 16]), noise("cos", &[9, 8]), noise("sin", &[9, 8])];
	compare("rope", &arguments, |t| kernels::rope(&t[0], &t[1], &t[2]))?;
	compare("softmax", &[noise("x", &[9, 133])], |t| kernels::softmax(&t[0]))
}

#[test]
fn norms_and_sums_should_have_the_bits_of_the_cpu() -> Result<()> {
	let arguments = [noise("x", &[2, 32, 24, 24]), noise("w", &[32]), noise("b", &[32])];
	compare("group_norm", &arguments, |t| kernels::group_norm(&t[0], &t[1], &t[2], 8, 1e-5))?;
	compare("group_norm", &arguments, |t| {
		kernels::group_norm_activated(&t[0], &t[1], &t[2], 8, 1e-5, Activation::Silu)
	})?;
	let arguments = [noise("x", &[37, 83]), noise("w", &[83]), noise("b", &[83])];
	compare("layer_norm", &arguments, |t| kernels::layer_norm(&t[0], &t[1], &t[2], 1e-5))?;
	compare("rms_norm", &arguments[..2], |t| kernels::rms_norm(&t[0], &t[1], 1e-6))?;
	compare("sum_all", &[noise("x", &[4097])], |t| kernels::sum_all(&t[0]))?;
	compare("mean_all", &[noise("x", &[33, 77])], |t| kernels::mean_all(&t[0]))
}

#[test]
fn elementwise_operations_should_have_the_bits_of_the_cpu() -> Result<()> {
	type Operation = fn(&Tensor) -> Result<Tensor>;
	let operations: [(&str, Operation); 8] = [
		("exp", kernels::exp),
		("tanh", kernels::tanh),
		("sigmoid", kernels::sigmoid),
		("silu", kernels::silu),
		("gelu_tanh", kernels::gelu_tanh),
		("gelu_erf", kernels::gelu_erf),
		("quick_gelu", kernels::quick_gelu),
		("relu", kernels::relu),
	];
	let ramp: Vec<f32> = (0..20_001).map(|i| (i as f32 - 10_000.0) * 0.01).collect();
	let ramp = Tensor::from_vec(ramp, 20_001, &Device::Cpu)?;
	for (name, operation) in operations {
		compare(name, std::slice::from_ref(&ramp), |t| operation(&t[0]))?;
		compare(name, &[noise(name, &[10_001])], |t| operation(&t[0]))?;
	}
	compare("add_bias", &[noise("x", &[37, 19]), noise("b", &[19])], |t| kernels::add_bias(&t[0], &t[1]))?;
	compare("add_channel_bias", &[noise("x", &[3, 5, 6, 7]), noise("b", &[5])], |t| {
		kernels::add_channel_bias(&t[0], &t[1])
	})?;
	let arguments = [noise("x", &[2, 5, 6, 7]), noise("scale", &[2, 5]), noise("shift", &[2, 5])];
	compare("channel_affine", &arguments, |t| kernels::channel_affine(&t[0], &t[1], &t[2]))?;
	compare("upsample", &[noise("x", &[2, 3, 5, 7])], |t| kernels::upsample_nearest2x(&t[0]))?;
	compare("embedding", &[ids(&[3, 0, 12, 5], &[2, 2]), noise("table", &[13, 9])], |t| {
		kernels::embedding(&t[0], &t[1])
	})?;
	compare("gated_halves", &[noise("x", &[13, 50])], |t| kernels::gated_halves(&t[0], Activation::GeluErf))?;
	compare("gated", &[noise("x", &[13, 25]), noise("gate", &[13, 25])], |t| {
		kernels::gated(&t[0], &t[1], Activation::Silu)
	})
}

#[test]
fn indices_should_be_refused_on_a_gpu_when_they_are_out_of_range() -> Result<()> {
	let gpu = gpu()?;
	let (rows, table) = (ids(&[1, 5], &[2]).to_device(&gpu)?, noise("table", &[5, 2]).to_device(&gpu)?);
	let error = kernels::embedding(&rows, &table).expect_err("5 rows").to_string();
	assert!(error.contains("index 5") && error.contains("5 rows"), "{error}");
	Ok(())
}
