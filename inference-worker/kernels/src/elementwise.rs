//! Activations and the additions whose gradients are sums.

#[cfg(feature = "cuda")]
use candle_core::CudaStorage;
use candle_core::{bail, CpuStorage, CustomOp1, CustomOp2, CustomOp3, Layout, Result, Shape, Tensor};

use crate::isa::multiversion;
use crate::math;
use crate::reduce::{channel_sums, column_sums, dot, sum};
use crate::tensor::{expect_shape, for_parts, input, slice, stored, tensor, values};

/// Reads x, y and the gradient of y, and writes the gradient of x.
type Backward = fn(&[f32], &[f32], &[f32], &mut [f32]);

/// An activation: `forward(x, y)` and `backward(x, y, gradient of y, gradient of x)`.
struct Unary {
	name: &'static str,
	forward: fn(&[f32], &mut [f32]),
	backward: Backward,
}

impl CustomOp1 for &'static Unary {
	fn name(&self) -> &'static str {
		self.name
	}

	fn cpu_fwd(&self, storage: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
		let x = slice(storage, layout)?;
		let mut y = vec![0.0f32; x.len()];
		for_parts(&mut y, 1, |start, part| (self.forward)(&x[start..start + part.len()], part));
		Ok(stored(y, layout.shape()))
	}

	#[cfg(feature = "cuda")]
	fn cuda_fwd(&self, s: &CudaStorage, l: &Layout) -> Result<(CudaStorage, Shape)> {
		Ok((crate::cuda::unary(self.name, (s, l))?, l.shape().clone()))
	}

	fn bwd(&self, x: &Tensor, result: &Tensor, grad: &Tensor) -> Result<Option<Tensor>> {
		let grad = grad.contiguous()?;
		let (xs, ys, gs) = (values(x)?, values(result)?, values(&grad)?);
		let (xs, ys, gs): (&[f32], &[f32], &[f32]) = (&xs, &ys, &gs);
		let mut dx = vec![0.0f32; xs.len()];
		for_parts(&mut dx, 1, |start, part| {
			let range = start..start + part.len();
			(self.backward)(&xs[range.clone()], &ys[range.clone()], &gs[range], part);
		});
		Ok(Some(tensor(dx, x.shape())?))
	}
}

/// Defines an activation from its value and its slope, both functions of x and (for the slope) of y.
macro_rules! activation {
	($(#[$meta:meta])* $name:ident, $value:expr, |$x:ident, $y:ident| $slope:expr) => {
		$(#[$meta])*
		///
		/// # Errors
		///
		/// `x` is empty or not f32 on the CPU.
		pub fn $name(x: &Tensor) -> Result<Tensor> {
			multiversion! {
				fn forward(x: &[f32], y: &mut [f32]) {
					for (x, y) in x.iter().zip(y) {
						*y = $value(*x);
					}
				}

				fn backward(x: &[f32], y: &[f32], g: &[f32], dx: &mut [f32]) {
					for (((x, y), g), dx) in x.iter().zip(y).zip(g).zip(dx) {
						let ($x, $y) = (*x, *y);
						let _ = ($x, $y);
						*dx = g * $slope;
					}
				}
			}
			static OP: Unary = Unary { name: stringify!($name), forward, backward };
			input(OP.name, "x", x)?.apply_op1(&OP)
		}
	};
}

activation!(
	/// e^x of every element.
	exp, math::exp, |x, y| y
);
activation!(
	/// The hyperbolic tangent of every element.
	tanh, math::tanh, |x, y| 1.0 - y * y
);
activation!(
	/// The logistic function 1 / (1 + e^-x) of every element.
	sigmoid, math::sigmoid, |x, y| y * (1.0 - y)
);
activation!(
	/// x · sigmoid(x) of every element, also called swish.
	silu, math::silu, |x, y| math::silu_slope(x)
);
activation!(
	/// The Gaussian error linear unit in its tanh form, of every element.
	gelu_tanh, math::gelu_tanh, |x, y| math::gelu_tanh_slope(x)
);
activation!(
	/// The Gaussian error linear unit in its exact form, of every element.
	gelu_erf, math::gelu_erf, |x, y| math::gelu_erf_slope(x)
);
activation!(
	/// x · sigmoid(1.702 x) of every element: the approximation of the Gaussian error linear unit that CLIP uses.
	quick_gelu, math::quick_gelu, |x, y| math::quick_gelu_slope(x)
);
activation!(
	/// max(x, 0) of every element.
	relu, math::relu, |x, y| if x > 0.0 { 1.0 } else { 0.0 }
);

struct AddBias;

impl CustomOp2 for AddBias {
	fn name(&self) -> &'static str {
		"add_bias"
	}

	fn cpu_fwd(&self, s1: &CpuStorage, l1: &Layout, s2: &CpuStorage, l2: &Layout) -> Result<(CpuStorage, Shape)> {
		let (x, bias) = (slice(s1, l1)?, slice(s2, l2)?);
		let mut y = vec![0.0f32; x.len()];
		for_parts(&mut y, bias.len(), |start, part| {
			for (y, x) in part.chunks_exact_mut(bias.len()).zip(x[start..].chunks_exact(bias.len())) {
				for ((y, x), bias) in y.iter_mut().zip(x).zip(bias) {
					*y = x + bias;
				}
			}
		});
		Ok(stored(y, l1.shape()))
	}

	#[cfg(feature = "cuda")]
	fn cuda_fwd(&self, s1: &CudaStorage, l1: &Layout, s2: &CudaStorage, l2: &Layout) -> Result<(CudaStorage, Shape)> {
		Ok((crate::cuda::add_bias((s1, l1), (s2, l2), 1)?, l1.shape().clone()))
	}

	fn bwd(
		&self,
		_x: &Tensor,
		bias: &Tensor,
		_result: &Tensor,
		grad: &Tensor,
	) -> Result<(Option<Tensor>, Option<Tensor>)> {
		let grad = grad.contiguous()?;
		let dbias = bias.track_op().then(|| tensor(column_sums(&values(&grad)?, bias.elem_count()), bias.shape()));
		Ok((Some(grad), dbias.transpose()?))
	}
}

/// Adds `bias` of shape (n) to every row of `x` of shape (.., n). The bias's gradient is the 16-lane sum over the
/// rows.
///
/// # Errors
///
/// A tensor is empty or not f32 on the CPU, or `bias` does not have the length of the last dimension of `x`.
pub fn add_bias(x: &Tensor, bias: &Tensor) -> Result<Tensor> {
	let (x, bias) = (input("add_bias", "x", x)?, input("add_bias", "bias", bias)?);
	let Some(&n) = x.dims().last() else { bail!("add_bias: x is a scalar, it needs at least one dimension") };
	expect_shape("add_bias", "bias", &bias, &[n], &x)?;
	x.apply_op2(&bias, AddBias)
}

struct ChannelBias;

impl CustomOp2 for ChannelBias {
	fn name(&self) -> &'static str {
		"add_channel_bias"
	}

	fn cpu_fwd(&self, s1: &CpuStorage, l1: &Layout, s2: &CpuStorage, l2: &Layout) -> Result<(CpuStorage, Shape)> {
		let (x, bias) = (slice(s1, l1)?, slice(s2, l2)?);
		let plane: usize = l1.dims()[2..].iter().product();
		let mut y = vec![0.0f32; x.len()];
		for_parts(&mut y, plane, |start, part| {
			for (i, (y, x)) in part.chunks_exact_mut(plane).zip(x[start..].chunks_exact(plane)).enumerate() {
				let bias = bias[(start / plane + i) % bias.len()];
				for (y, x) in y.iter_mut().zip(x) {
					*y = x + bias;
				}
			}
		});
		Ok(stored(y, l1.shape()))
	}

	#[cfg(feature = "cuda")]
	fn cuda_fwd(&self, s1: &CudaStorage, l1: &Layout, s2: &CudaStorage, l2: &Layout) -> Result<(CudaStorage, Shape)> {
		let plane: usize = l1.dims()[2..].iter().product();
		Ok((crate::cuda::add_bias((s1, l1), (s2, l2), plane)?, l1.shape().clone()))
	}

	fn bwd(
		&self,
		_x: &Tensor,
		bias: &Tensor,
		_result: &Tensor,
		grad: &Tensor,
	) -> Result<(Option<Tensor>, Option<Tensor>)> {
		let grad = grad.contiguous()?;
		let plane: usize = grad.dims()[2..].iter().product();
		let dbias =
			bias.track_op().then(|| tensor(channel_sums(&values(&grad)?, bias.elem_count(), plane), bias.shape()));
		Ok((Some(grad), dbias.transpose()?))
	}
}

/// Adds `bias` of shape (c) to the channels of `x` of shape (b, c, ..). The bias's gradient sums each plane in 16
/// lanes, then the planes of a channel over the batch in 16 lanes.
///
/// # Errors
///
/// A tensor is empty or not f32 on the CPU, or `bias` does not have one value per channel.
pub fn add_channel_bias(x: &Tensor, bias: &Tensor) -> Result<Tensor> {
	let (x, bias) = (input("add_channel_bias", "x", x)?, input("add_channel_bias", "bias", bias)?);
	if x.rank() < 2 {
		bail!("add_channel_bias: x has shape {:?}, it needs a batch and a channel dimension", x.dims());
	}
	expect_shape("add_channel_bias", "bias", &bias, &[x.dims()[1]], &x)?;
	x.apply_op2(&bias, ChannelBias)
}

struct ChannelAffine;

multiversion! {
	fn scale_shift(x: &[f32], scale: f32, shift: f32, y: &mut [f32]) {
		let factor = 1.0 + scale;
		for (x, y) in x.iter().zip(y) {
			*y = x.mul_add(factor, shift);
		}
	}
}

impl CustomOp3 for ChannelAffine {
	fn name(&self) -> &'static str {
		"channel_affine"
	}

	fn cpu_fwd(
		&self,
		s1: &CpuStorage,
		l1: &Layout,
		s2: &CpuStorage,
		l2: &Layout,
		s3: &CpuStorage,
		l3: &Layout,
	) -> Result<(CpuStorage, Shape)> {
		let (x, scale, shift) = (slice(s1, l1)?, slice(s2, l2)?, slice(s3, l3)?);
		let plane = x.len() / scale.len();
		let mut y = vec![0.0f32; x.len()];
		for_parts(&mut y, plane, |start, part| {
			for (i, (y, x)) in part.chunks_exact_mut(plane).zip(x[start..].chunks_exact(plane)).enumerate() {
				let channel = start / plane + i;
				scale_shift(x, scale[channel], shift[channel], y);
			}
		});
		Ok(stored(y, l1.shape()))
	}

	#[cfg(feature = "cuda")]
	fn cuda_fwd(
		&self,
		s1: &CudaStorage,
		l1: &Layout,
		s2: &CudaStorage,
		l2: &Layout,
		s3: &CudaStorage,
		l3: &Layout,
	) -> Result<(CudaStorage, Shape)> {
		Ok((crate::cuda::channel_affine((s1, l1), (s2, l2), (s3, l3))?, l1.shape().clone()))
	}

	fn bwd(
		&self,
		x: &Tensor,
		scale: &Tensor,
		shift: &Tensor,
		_result: &Tensor,
		grad: &Tensor,
	) -> Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
		let grad = grad.contiguous()?;
		let (xs, scales, gs) = (values(x)?, values(scale)?, values(&grad)?);
		let plane = xs.len() / scales.len();
		let (xs, scales, gs): (&[f32], &[f32], &[f32]) = (&xs, &scales, &gs);
		let mut dx = vec![0.0f32; xs.len()];
		for_parts(&mut dx, plane, |start, part| {
			for (i, (dx, g)) in part.chunks_exact_mut(plane).zip(gs[start..].chunks_exact(plane)).enumerate() {
				scale_shift(g, scales[start / plane + i], 0.0, dx);
			}
		});
		let dscale = xs.chunks_exact(plane).zip(gs.chunks_exact(plane)).map(|(x, g)| dot(g, x)).collect();
		let dshift = gs.chunks_exact(plane).map(sum).collect();
		Ok((Some(tensor(dx, x.shape())?), Some(tensor(dscale, scale.shape())?), Some(tensor(dshift, shift.shape())?)))
	}
}

/// x · (1 + scale) + shift by one fused multiply-add, for `x` of shape (b, c, h, w) and one scale and shift of shape
/// (b, c) per image and channel: feature-wise linear modulation (Perez et al., arXiv:1709.07871).
///
/// # Errors
///
/// A tensor is empty or not f32 on the CPU, or the shapes do not fit.
pub fn channel_affine(x: &Tensor, scale: &Tensor, shift: &Tensor) -> Result<Tensor> {
	const OP: &str = "channel_affine";
	let (x, scale, shift) = (input(OP, "x", x)?, input(OP, "scale", scale)?, input(OP, "shift", shift)?);
	if x.rank() < 2 {
		bail!("{OP}: x has shape {:?}, it needs a batch and a channel dimension", x.dims());
	}
	expect_shape(OP, "scale", &scale, &x.dims()[..2], &x)?;
	expect_shape(OP, "shift", &shift, &x.dims()[..2], &x)?;
	x.apply_op3(&scale, &shift, ChannelAffine)
}
