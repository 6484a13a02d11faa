//! Every backward pass against finite differences, and that no trainable tensor is left without a gradient.

mod common;

use autonomy_kernels as kernels;
use candle_core::{Result, Tensor};
use common::{check_gradients, ids, noise, var};

#[test]
fn matmul_should_have_the_gradients_of_finite_differences() {
	check_gradients("matmul", &[noise("a", &[2, 3, 5]), noise("b", &[2, 5, 4])], |t| kernels::matmul(&t[0], &t[1]));
}

#[test]
fn linear_should_have_the_gradients_of_finite_differences() {
	let (x, w, b) = (noise("x", &[2, 3, 7]), noise("w", &[5, 7]), noise("b", &[5]));
	check_gradients("linear", &[x.clone(), w.clone(), b], |t| kernels::linear(&t[0], &t[1], Some(&t[2])));
	check_gradients("linear without bias", &[x, w], |t| kernels::linear(&t[0], &t[1], None));
}

#[test]
fn conv2d_should_have_the_gradients_of_finite_differences_when_geometry_varies() {
	for (stride, padding, kh, kw, h, w) in [
		(1, 1, 3, 3, 5, 6),
		(2, 1, 3, 3, 6, 7),
		(1, 0, 1, 1, 4, 4),
		(2, 0, 1, 1, 5, 5),
		(3, 2, 4, 2, 7, 8),
		(1, 3, 3, 3, 4, 4),
		(2, 0, 2, 2, 5, 4),
	] {
		let name = format!("conv {kh}×{kw} stride {stride} padding {padding}");
		let (x, weight, bias) = (noise("x", &[2, 3, h, w]), noise("w", &[4, 3, kh, kw]), noise("b", &[4]));
		check_gradients(&name, &[x.clone(), weight.clone(), bias], |t| {
			kernels::conv2d(&t[0], &t[1], Some(&t[2]), stride, padding)
		});
		check_gradients(&name, &[x, weight], |t| kernels::conv2d(&t[0], &t[1], None, stride, padding));
	}
}

#[test]
fn norms_should_have_the_gradients_of_finite_differences() {
	let (w, b) = (noise("w", &[6]), noise("b", &[6]));
	check_gradients("group_norm", &[noise("x", &[2, 6, 3, 3]), w.clone(), b.clone()], |t| {
		kernels::group_norm(&t[0], &t[1], &t[2], 3, 1e-5)
	});
	check_gradients("group_norm of vectors", &[noise("x", &[3, 6, 5]), w, b], |t| {
		kernels::group_norm(&t[0], &t[1], &t[2], 2, 1e-5)
	});
	let (x, w, b) = (noise("x", &[2, 3, 19]), noise("w", &[19]), noise("b", &[19]));
	check_gradients("layer_norm", &[x.clone(), w.clone(), b], |t| kernels::layer_norm(&t[0], &t[1], &t[2], 1e-5));
	check_gradients("rms_norm", &[x, w], |t| kernels::rms_norm(&t[0], &t[1], 1e-6));
}

#[test]
fn attention_should_have_the_gradients_of_finite_differences() {
	for (h, hk, lq, lk, d, dv, causal) in
		[(2, 2, 5, 5, 4, 4, None), (2, 1, 3, 7, 4, 6, None), (4, 2, 5, 5, 4, 4, Some(0)), (2, 2, 3, 8, 4, 4, Some(5))]
	{
		let name = format!("attention {h}/{hk} heads {lq}×{lk} {causal:?}");
		let arguments = [noise("q", &[2, h, lq, d]), noise("k", &[2, hk, lk, d]), noise("v", &[2, hk, lk, dv])];
		check_gradients(&name, &arguments, |t| kernels::attention(&t[0], &t[1], &t[2], 0.5, causal));
	}
}

type Activation = fn(&Tensor) -> Result<Tensor>;

#[test]
fn activations_should_have_the_gradients_of_finite_differences() {
	let activations: [(&str, Activation); 8] = [
		("exp", kernels::exp),
		("tanh", kernels::tanh),
		("sigmoid", kernels::sigmoid),
		("silu", kernels::silu),
		("gelu_tanh", kernels::gelu_tanh),
		("gelu_erf", kernels::gelu_erf),
		("quick_gelu", kernels::quick_gelu),
		("softmax", kernels::softmax),
	];
	for (name, function) in activations {
		check_gradients(name, &[noise(name, &[5, 7])], |t| function(&t[0]));
	}
	// Away from the kink, where finite differences mean something.
	let x = (noise("relu", &[40]).abs().expect("abs") + 0.1).expect("add");
	let x = Tensor::cat(&[&x, &x.neg().expect("neg")], 0).expect("cat");
	check_gradients("relu", &[x], |t| kernels::relu(&t[0]));
}

#[test]
fn additions_should_have_the_gradients_of_finite_differences() {
	check_gradients("add_bias", &[noise("x", &[4, 3, 5]), noise("b", &[5])], |t| kernels::add_bias(&t[0], &t[1]));
	check_gradients("add_channel_bias", &[noise("x", &[2, 3, 4, 5]), noise("b", &[3])], |t| {
		kernels::add_channel_bias(&t[0], &t[1])
	});
	let arguments = [noise("x", &[2, 3, 4, 5]), noise("scale", &[2, 3]), noise("shift", &[2, 3])];
	check_gradients("channel_affine", &arguments, |t| kernels::channel_affine(&t[0], &t[1], &t[2]));
}

#[test]
fn rearrangements_should_have_the_gradients_of_finite_differences() {
	let (cos, sin) = (noise("cos", &[5, 4]), noise("sin", &[5, 4]));
	check_gradients("rope", &[noise("x", &[2, 3, 5, 8])], |t| kernels::rope(&t[0], &cos, &sin));
	check_gradients("upsample", &[noise("x", &[2, 3, 4, 5])], |t| kernels::upsample_nearest2x(&t[0]));
	let rows = ids(&[3, 0, 3, 5, 1, 3], &[2, 3]);
	check_gradients("embedding", &[noise("table", &[6, 4])], |t| kernels::embedding(&rows, &t[0]));
}

#[test]
fn losses_should_have_the_gradients_of_finite_differences() {
	let (pred, target) = (noise("pred", &[3, 4, 2]), noise("target", &[3, 4, 2]));
	check_gradients("mse", &[pred.clone(), target.clone()], |t| kernels::mse_loss(&t[0], &t[1], None));
	let weight = noise("weight", &[3]).abs().expect("abs");
	check_gradients("weighted mse", &[pred, target, weight], |t| kernels::mse_loss(&t[0], &t[1], Some(&t[2])));
	let targets = ids(&[1, 6, 99, 0], &[4]);
	check_gradients("cross_entropy", &[noise("logits", &[4, 7])], |t| {
		kernels::cross_entropy(&t[0], &targets, Some(99))
	});
	check_gradients("sum_all", &[noise("x", &[5, 5])], |t| kernels::sum_all(&t[0]));
	check_gradients("mean_all", &[noise("x", &[5, 5])], |t| kernels::mean_all(&t[0]));
}

#[test]
fn gradients_should_reach_every_parameter_when_layers_are_chained() -> Result<()> {
	let parameters: Vec<_> = [
		("table", vec![10, 8]),
		("norm weight", vec![8]),
		("q", vec![8, 8]),
		("bias", vec![8]),
		("rms", vec![8]),
		("kernel", vec![4, 1, 3, 3]),
		("kernel bias", vec![4]),
		("group weight", vec![4]),
		("group bias", vec![4]),
	]
	.into_iter()
	.map(|(name, shape)| (name, var(&noise(name, &shape))))
	.collect();
	let p = |name: &str| parameters.iter().find(|(n, _)| *n == name).expect("a parameter").1.as_tensor();
	let x = kernels::embedding(&ids(&[1, 2, 3, 4], &[1, 4]), p("table"))?;
	let x = kernels::layer_norm(&x, p("norm weight"), p("bias"), 1e-5)?;
	let x = kernels::linear(&x, p("q"), Some(p("bias")))?;
	let heads = x.reshape((1, 4, 2, 4))?.transpose(1, 2)?;
	let x = kernels::attention(&heads, &heads, &heads, 0.5, Some(0))?.transpose(1, 2)?.reshape((1, 4, 8))?;
	let x = kernels::rms_norm(&x, p("rms"), 1e-6)?;
	let x = kernels::conv2d(&x.reshape((1, 1, 4, 8))?, p("kernel"), Some(p("kernel bias")), 1, 1)?;
	let x = kernels::silu(&kernels::group_norm(&x, p("group weight"), p("group bias"), 2, 1e-5)?)?;
	let gradients = kernels::mean_all(&kernels::upsample_nearest2x(&x)?)?.backward()?;
	for (name, parameter) in &parameters {
		let gradient = gradients.get(parameter.as_tensor()).unwrap_or_else(|| panic!("{name} has no gradient"));
		assert!(common::flat(gradient).iter().any(|g| *g != 0.0), "{name}: the gradient is zero");
	}
	Ok(())
}
