//! Activations as a part of another operation: a product's last step, or a gate.
//!
//! Fusing saves passes over memory and nothing else: every element is computed as by the separate operations, so the bits
//! are theirs.

#[cfg(feature = "cuda")]
use candle_core::CudaStorage;
use candle_core::{bail, CpuStorage, CustomOp1, CustomOp2, Layout, Result, Shape, Tensor};

use crate::isa::multiversion;
use crate::math;
use crate::tensor::{for_parts, input, slice, stored, tensor, values};

/// An activation that a linear layer, a normalisation or a gate can end with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Activation {
	/// x · sigmoid(x), see [`crate::silu`].
	Silu,
	/// The Gaussian error linear unit in its exact form, see [`crate::gelu_erf`].
	GeluErf,
	/// The Gaussian error linear unit in its tanh form, see [`crate::gelu_tanh`].
	GeluTanh,
	/// x · sigmoid(1.702 x), see [`crate::quick_gelu`].
	QuickGelu,
	/// max(x, 0), see [`crate::relu`].
	Relu,
}

#[inline(always)]
fn relu_slope(x: f32) -> f32 {
	if x > 0.0 {
		1.0
	} else {
		0.0
	}
}

/// Defines an activation in place, the gradient through it in place, and the product with a gate.
macro_rules! loops {
	($($apply:ident, $pull:ident, $gate:ident: $value:path, $slope:path;)+) => {
		multiversion! {$(
			fn $apply(x: &mut [f32]) {
				for x in x.iter_mut() {
					*x = $value(*x);
				}
			}

			fn $pull(x: &[f32], g: &mut [f32]) {
				for (x, g) in x.iter().zip(g.iter_mut()) {
					*g *= $slope(*x);
				}
			}

			fn $gate(x: &[f32], gate: &[f32], y: &mut [f32]) {
				for ((x, gate), y) in x.iter().zip(gate).zip(y.iter_mut()) {
					*y = x * $value(*gate);
				}
			}
		)+}
	};
}
loops! {
	silu_apply, silu_pull, silu_gate: math::silu, math::silu_slope;
	gelu_erf_apply, gelu_erf_pull, gelu_erf_gate: math::gelu_erf, math::gelu_erf_slope;
	gelu_tanh_apply, gelu_tanh_pull, gelu_tanh_gate: math::gelu_tanh, math::gelu_tanh_slope;
	quick_gelu_apply, quick_gelu_pull, quick_gelu_gate: math::quick_gelu, math::quick_gelu_slope;
	relu_apply, relu_pull, relu_gate: math::relu, relu_slope;
}

impl Activation {
	/// The activation as an operation of its own: what the fused forms equal, bit for bit.
	///
	/// # Errors
	///
	/// `x` is empty or not f32 on the CPU.
	pub fn apply(self, x: &Tensor) -> Result<Tensor> {
		match self {
			Self::Silu => crate::silu(x),
			Self::GeluErf => crate::gelu_erf(x),
			Self::GeluTanh => crate::gelu_tanh(x),
			Self::QuickGelu => crate::quick_gelu(x),
			Self::Relu => crate::relu(x),
		}
	}

	/// Replaces values by their activation.
	pub(crate) fn in_place(self) -> fn(&mut [f32]) {
		match self {
			Self::Silu => silu_apply,
			Self::GeluErf => gelu_erf_apply,
			Self::GeluTanh => gelu_tanh_apply,
			Self::QuickGelu => quick_gelu_apply,
			Self::Relu => relu_apply,
		}
	}

	/// Multiplies gradients by the slope at `x`.
	pub(crate) fn pull(self, x: &[f32], g: &mut [f32]) {
		let pull: fn(&[f32], &mut [f32]) = match self {
			Self::Silu => silu_pull,
			Self::GeluErf => gelu_erf_pull,
			Self::GeluTanh => gelu_tanh_pull,
			Self::QuickGelu => quick_gelu_pull,
			Self::Relu => relu_pull,
		};
		for_parts(g, 1, |start, part| pull(&x[start..start + part.len()], part));
	}

	/// y = x · activation(gate).
	fn gate(self) -> fn(&[f32], &[f32], &mut [f32]) {
		match self {
			Self::Silu => silu_gate,
			Self::GeluErf => gelu_erf_gate,
			Self::GeluTanh => gelu_tanh_gate,
			Self::QuickGelu => quick_gelu_gate,
			Self::Relu => relu_gate,
		}
	}
}

/// y = a · b.
fn times(a: &[f32], b: &[f32], y: &mut [f32]) {
	for ((a, b), y) in a.iter().zip(b).zip(y) {
		*y = a * b;
	}
}

struct Gated(Activation);

impl CustomOp2 for Gated {
	fn name(&self) -> &'static str {
		"gated"
	}

	fn cpu_fwd(&self, s1: &CpuStorage, l1: &Layout, s2: &CpuStorage, l2: &Layout) -> Result<(CpuStorage, Shape)> {
		let (x, gate) = (slice(s1, l1)?, slice(s2, l2)?);
		let run = self.0.gate();
		let mut y = vec![0.0f32; x.len()];
		for_parts(&mut y, 1, |start, part| {
			let range = start..start + part.len();
			run(&x[range.clone()], &gate[range], part);
		});
		Ok(stored(y, l1.shape()))
	}

	#[cfg(feature = "cuda")]
	fn cuda_fwd(&self, s1: &CudaStorage, l1: &Layout, s2: &CudaStorage, l2: &Layout) -> Result<(CudaStorage, Shape)> {
		let len = l1.shape().elem_count();
		crate::cuda::gated(self.0, (s1, l1), (s2, l2), (1, len, 1)).map(|y| (y, l1.shape().clone()))
	}

	fn bwd(
		&self,
		x: &Tensor,
		gate: &Tensor,
		_result: &Tensor,
		grad: &Tensor,
	) -> Result<(Option<Tensor>, Option<Tensor>)> {
		let grad = grad.contiguous()?;
		let (xs, gates, gs) = (values(x)?, values(gate)?, values(&grad)?);
		let (mut dx, mut dgate) = (vec![0.0f32; xs.len()], vec![0.0f32; xs.len()]);
		self.0.gate()(&gs, &gates, &mut dx);
		times(&gs, &xs, &mut dgate);
		self.0.pull(&gates, &mut dgate);
		Ok((Some(tensor(dx, x.shape())?), Some(tensor(dgate, gate.shape())?)))
	}
}

/// x · activation(gate) for tensors of one shape: the gated unit of Llama, where both are products of their own.
///
/// # Errors
///
/// A tensor is empty or not f32 on the CPU, or the shapes differ.
pub fn gated(x: &Tensor, gate: &Tensor, activation: Activation) -> Result<Tensor> {
	let (x, gate) = (input("gated", "x", x)?, input("gated", "gate", gate)?);
	if x.dims() != gate.dims() {
		bail!("gated: x has shape {:?}, gate {:?}: they must be equal", x.dims(), gate.dims());
	}
	x.apply_op2(&gate, Gated(activation))
}

struct GatedHalves(Activation);

impl CustomOp1 for GatedHalves {
	fn name(&self) -> &'static str {
		"gated_halves"
	}

	fn cpu_fwd(&self, storage: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
		let x = slice(storage, layout)?;
		let mut shape = layout.dims().to_vec();
		let last = shape.len() - 1;
		let n = shape[last] / 2;
		shape[last] = n;
		let run = self.0.gate();
		let mut y = vec![0.0f32; x.len() / 2];
		for_parts(&mut y, n, |start, part| {
			for (y, row) in part.chunks_exact_mut(n).zip(x[2 * start..].chunks_exact(2 * n)) {
				let (value, gate) = row.split_at(n);
				run(value, gate, y);
			}
		});
		Ok(stored(y, shape))
	}

	#[cfg(feature = "cuda")]
	fn cuda_fwd(&self, s: &CudaStorage, l: &Layout) -> Result<(CudaStorage, Shape)> {
		let mut shape = l.dims().to_vec();
		let last = shape.len() - 1;
		let n = shape[last] / 2;
		shape[last] = n;
		let rows = l.shape().elem_count() / (2 * n);
		crate::cuda::gated(self.0, (s, l), (s, l), (rows, n, 2)).map(|y| (y, Shape::from(shape)))
	}

	fn bwd(&self, x: &Tensor, _result: &Tensor, grad: &Tensor) -> Result<Option<Tensor>> {
		let grad = grad.contiguous()?;
		let (xs, gs) = (values(x)?, values(&grad)?);
		let (xs, gs): (&[f32], &[f32]) = (&xs, &gs);
		let n = x.dims()[x.rank() - 1] / 2;
		let run = self.0.gate();
		let mut dx = vec![0.0f32; xs.len()];
		for_parts(&mut dx, 2 * n, |start, part| {
			let rows = xs[start..].chunks_exact(2 * n).zip(gs[start / 2..].chunks_exact(n));
			for (dx, (row, g)) in part.chunks_exact_mut(2 * n).zip(rows) {
				let (value, gate) = row.split_at(n);
				let (dvalue, dgate) = dx.split_at_mut(n);
				run(g, gate, dvalue);
				times(g, value, dgate);
				self.0.pull(gate, dgate);
			}
		});
		Ok(Some(tensor(dx, x.shape())?))
	}
}

/// a · activation(b) for the halves a and b of every row of `x` (.., 2n), of shape (.., n): the gated unit of diffusers'
/// transformer blocks, where one product computes both (Shazeer, arXiv:2002.05202).
///
/// # Errors
///
/// `x` is empty, a scalar, or not f32 on the CPU, or its last dimension is odd.
pub fn gated_halves(x: &Tensor, activation: Activation) -> Result<Tensor> {
	let x = input("gated_halves", "x", x)?;
	match x.dims().last() {
		Some(n) if n % 2 == 0 => x.apply_op1(GatedHalves(activation)),
		_ => bail!("gated_halves: x has shape {:?}, its last dimension must be even", x.dims()),
	}
}
