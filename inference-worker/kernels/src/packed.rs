//! Layers whose weight is copied once into the order that the micro-kernels read.
//!
//! A product otherwise packs its weight anew for every call, which costs most where few rows meet a large weight. The
//! copy replaces the weight: whoever drops the tensor afterwards needs no more memory than before. The weight is a
//! constant; gradients pass to the input alone, as training of adapters on a frozen model needs.

use std::sync::Arc;

use candle_core::{bail, CpuStorage, CustomOp1, CustomOp2, Layout, Result, Shape, Tensor};

use crate::conv::{Conv2d, Sizes};
use crate::fused::Activation;
use crate::gemm::{panel_widths, Bias, Then};
use crate::linear::{batched, rows_times, Form};
use crate::pack::Packed;
use crate::tensor::{expect_shape, input, slice, stored, tensor, values};

/// Refuses a parameter that is trained: the copy would not follow it.
fn constant(op: &str, name: &str, tensor: &Tensor) -> Result<()> {
	if tensor.track_op() {
		bail!("{op}: {name} is trained, a packed layer takes constants: use the layer that is not packed");
	}
	Ok(())
}

struct LinearParts {
	weight: Packed,
	bias: Option<Vec<f32>>,
	outputs: usize,
	inputs: usize,
}

impl LinearParts {
	fn bias(&self) -> Bias<'_> {
		self.bias.as_deref().map_or(Bias::None, Bias::Column)
	}

	fn shape(&self, x: &Layout) -> Vec<usize> {
		let mut shape = x.dims().to_vec();
		let last = shape.len() - 1;
		shape[last] = self.outputs;
		shape
	}

	fn input_gradient(&self, x: &Tensor, g: &[f32]) -> Result<Tensor> {
		let m = x.elem_count() / self.inputs;
		let sizes = (m, self.inputs, self.outputs);
		tensor(batched(Form::Plain, 1, sizes, g, &self.weight.unpacked()), x.shape())
	}
}

/// A linear layer with constant, packed weights: the bits of [`crate::linear`], without packing at every call.
///
/// Clones share the weights.
#[derive(Clone)]
pub struct PackedLinear(Arc<LinearParts>);

impl std::fmt::Debug for PackedLinear {
	fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
		f.debug_struct("PackedLinear").field("inputs", &self.0.inputs).field("outputs", &self.0.outputs).finish()
	}
}

struct LinearOp {
	parts: Arc<LinearParts>,
	activation: Option<Activation>,
}

impl CustomOp1 for LinearOp {
	fn name(&self) -> &'static str {
		"packed_linear"
	}

	fn cpu_fwd(&self, storage: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
		let then = self.activation.map_or(Then::Nothing, |activation| Then::Apply(activation.in_place()));
		let y = rows_times(slice(storage, layout)?, &self.parts.weight, self.parts.bias(), then);
		Ok(stored(y, self.parts.shape(layout)))
	}

	fn bwd(&self, x: &Tensor, _result: &Tensor, grad: &Tensor) -> Result<Option<Tensor>> {
		let grad = grad.contiguous()?;
		let mut g = values(&grad)?.to_vec();
		if let Some(activation) = self.activation {
			let before = rows_times(&values(x)?, &self.parts.weight, self.parts.bias(), Then::Nothing);
			activation.pull(&before, &mut g);
		}
		self.parts.input_gradient(x, &g).map(Some)
	}
}

struct LinearAddOp(Arc<LinearParts>);

impl CustomOp2 for LinearAddOp {
	fn name(&self) -> &'static str {
		"packed_linear_add"
	}

	fn cpu_fwd(&self, s1: &CpuStorage, l1: &Layout, s2: &CpuStorage, l2: &Layout) -> Result<(CpuStorage, Shape)> {
		let then = Then::Add(slice(s2, l2)?);
		let y = rows_times(slice(s1, l1)?, &self.0.weight, self.0.bias(), then);
		Ok(stored(y, self.0.shape(l1)))
	}

	fn bwd(
		&self,
		x: &Tensor,
		_residual: &Tensor,
		_result: &Tensor,
		grad: &Tensor,
	) -> Result<(Option<Tensor>, Option<Tensor>)> {
		let grad = grad.contiguous()?;
		let dx = if x.track_op() { Some(self.0.input_gradient(x, &values(&grad)?)?) } else { None };
		Ok((dx, Some(grad)))
	}
}

struct RowsOp(Arc<LinearParts>);

impl CustomOp1 for RowsOp {
	fn name(&self) -> &'static str {
		"packed_rows"
	}

	fn cpu_fwd(&self, storage: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
		let ids = crate::embedding::indices(storage, layout)?;
		let mut rows = vec![0.0f32; ids.len() * self.0.inputs];
		for (&id, row) in ids.iter().zip(rows.chunks_exact_mut(self.0.inputs)) {
			let id = crate::embedding::within(id, self.0.outputs)?;
			self.0.weight.lane(id, row);
		}
		let mut shape = layout.dims().to_vec();
		shape.push(self.0.inputs);
		Ok(stored(rows, shape))
	}
}

impl PackedLinear {
	/// Copies `weight` (n, k) and `bias` (n).
	///
	/// # Errors
	///
	/// A tensor is empty, trained, or not f32 on the CPU, or the shapes do not fit.
	pub fn new(weight: &Tensor, bias: Option<&Tensor>) -> Result<Self> {
		const OP: &str = "packed linear";
		constant(OP, "weight", weight)?;
		let weight = input(OP, "weight", weight)?;
		let &[outputs, inputs] = weight.dims() else {
			bail!("{OP}: weight has shape {:?}, (n, k) is needed", weight.dims());
		};
		let bias = match bias {
			None => None,
			Some(bias) => {
				constant(OP, "bias", bias)?;
				let bias = input(OP, "bias", bias)?;
				expect_shape(OP, "bias", &bias, &[outputs], &weight)?;
				let bias = values(&bias)?.to_vec();
				Some(bias)
			}
		};
		let packed = Packed::new(&values(&weight)?, outputs, inputs, panel_widths().1);
		Ok(Self(Arc::new(LinearParts { weight: packed, bias, outputs, inputs })))
	}

	/// Bytes of memory that the weights take.
	pub fn bytes(&self) -> usize {
		self.0.weight.bytes() + self.0.bias.as_ref().map_or(0, |bias| size_of_val(bias.as_slice()))
	}

	/// The weight (n, k) as it was given.
	///
	/// # Errors
	///
	/// Never: the shape was checked when the layer was made.
	pub fn weight(&self) -> Result<Tensor> {
		tensor(self.0.weight.unpacked(), Shape::from((self.0.outputs, self.0.inputs)))
	}

	/// The rows `ids[..]` of the weight, of shape (.., k): the look-up in a table of embeddings that is also the layer that
	/// gives logits. `ids` is u32 of any shape.
	///
	/// # Errors
	///
	/// `ids` is empty, has another type, is not on the CPU, or one of them is not a row.
	pub fn rows(&self, ids: &Tensor) -> Result<Tensor> {
		crate::embedding::check_indices(ids)?;
		ids.contiguous()?.apply_op1(RowsOp(self.0.clone()))
	}

	fn input(&self, x: &Tensor) -> Result<Tensor> {
		let x = input("packed linear", "x", x)?;
		if x.dims().last() != Some(&self.0.inputs) {
			bail!("packed linear: x has shape {:?}, the layer takes (.., {})", x.dims(), self.0.inputs);
		}
		Ok(x)
	}

	/// x · weightᵀ + bias for `x` (.., k), of shape (.., n).
	///
	/// # Errors
	///
	/// `x` is empty, not f32 on the CPU, or has another last dimension than k.
	pub fn forward(&self, x: &Tensor) -> Result<Tensor> {
		self.input(x)?.apply_op1(LinearOp { parts: self.0.clone(), activation: None })
	}

	/// activation(x · weightᵀ + bias) in one pass.
	///
	/// # Errors
	///
	/// As for [`Self::forward`].
	pub fn forward_activated(&self, x: &Tensor, activation: Activation) -> Result<Tensor> {
		self.input(x)?.apply_op1(LinearOp { parts: self.0.clone(), activation: Some(activation) })
	}

	/// x · weightᵀ + bias + residual in one pass; `residual` has the shape of the result.
	///
	/// # Errors
	///
	/// As for [`Self::forward`], or `residual` has another shape than the result.
	pub fn forward_add(&self, x: &Tensor, residual: &Tensor) -> Result<Tensor> {
		let x = self.input(x)?;
		let residual = input("packed linear", "residual", residual)?;
		expect_shape("packed linear", "residual", &residual, &self.0.shape(x.layout()), &x)?;
		x.apply_op2(&residual, LinearAddOp(self.0.clone()))
	}
}

struct ConvParts {
	weight: Packed,
	bias: Option<Vec<f32>>,
	/// (co, ci, kh, kw).
	dims: [usize; 4],
	op: Conv2d,
}

impl ConvParts {
	fn forward(&self, op: &Conv2d, x: &[f32], sizes: &Sizes, then: Then<'_>) -> (CpuStorage, Shape) {
		let bias = self.bias.as_deref().map_or(Bias::None, Bias::Row);
		op.forward(x, &self.weight, bias, then, sizes)
	}

	fn input_gradient(&self, op: &Conv2d, x: &Tensor, g: &[f32]) -> Result<Tensor> {
		let sizes = op.sizes(x.dims(), &self.dims)?;
		tensor(op.input_gradient(g, &self.weight.unpacked(), &sizes), x.shape())
	}
}

/// A convolution with constant, packed weights: the bits of [`crate::conv2d`], without packing at every call.
///
/// Clones share the weights.
#[derive(Clone)]
pub struct PackedConv2d(Arc<ConvParts>);

impl std::fmt::Debug for PackedConv2d {
	fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
		f.debug_struct("PackedConv2d")
			.field("weight", &self.0.dims)
			.field("stride", &self.0.op.stride)
			.field("padding", &self.0.op.padding)
			.finish()
	}
}

struct ConvOp {
	parts: Arc<ConvParts>,
	op: Conv2d,
}

impl CustomOp1 for ConvOp {
	fn name(&self) -> &'static str {
		"packed_conv2d"
	}

	fn cpu_fwd(&self, storage: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
		let sizes = self.op.sizes(layout.dims(), &self.parts.dims)?;
		Ok(self.parts.forward(&self.op, slice(storage, layout)?, &sizes, Then::Nothing))
	}

	fn bwd(&self, x: &Tensor, _result: &Tensor, grad: &Tensor) -> Result<Option<Tensor>> {
		let grad = grad.contiguous()?;
		let g = values(&grad)?;
		self.parts.input_gradient(&self.op, x, &g).map(Some)
	}
}

/// The second argument is added to the result.
impl CustomOp2 for ConvOp {
	fn name(&self) -> &'static str {
		"packed_conv2d_add"
	}

	fn cpu_fwd(&self, s1: &CpuStorage, l1: &Layout, s2: &CpuStorage, l2: &Layout) -> Result<(CpuStorage, Shape)> {
		let sizes = self.op.sizes(l1.dims(), &self.parts.dims)?;
		Ok(self.parts.forward(&self.op, slice(s1, l1)?, &sizes, Then::Add(slice(s2, l2)?)))
	}

	fn bwd(
		&self,
		x: &Tensor,
		_residual: &Tensor,
		_result: &Tensor,
		grad: &Tensor,
	) -> Result<(Option<Tensor>, Option<Tensor>)> {
		let grad = grad.contiguous()?;
		let dx = if x.track_op() { Some(self.parts.input_gradient(&self.op, x, &values(&grad)?)?) } else { None };
		Ok((dx, Some(grad)))
	}
}

impl PackedConv2d {
	/// Copies `weight` (co, ci, kh, kw) and `bias` (co).
	///
	/// # Errors
	///
	/// A tensor is empty, trained, or not f32 on the CPU, the shapes do not fit, or the stride is 0.
	pub fn new(weight: &Tensor, bias: Option<&Tensor>, stride: usize, padding: usize) -> Result<Self> {
		const OP: &str = "packed conv2d";
		constant(OP, "weight", weight)?;
		let weight = input(OP, "weight", weight)?;
		let &[outputs, inputs, kh, kw] = weight.dims() else {
			bail!("{OP}: weight has shape {:?}, (co, ci, kh, kw) is needed", weight.dims());
		};
		if stride == 0 {
			bail!("{OP}: stride is 0, it must be at least 1");
		}
		let bias = match bias {
			None => None,
			Some(bias) => {
				constant(OP, "bias", bias)?;
				let bias = input(OP, "bias", bias)?;
				expect_shape(OP, "bias", &bias, &[outputs], &weight)?;
				let bias = values(&bias)?.to_vec();
				Some(bias)
			}
		};
		let packed = Packed::new(&values(&weight)?, outputs, inputs * kh * kw, panel_widths().0);
		let dims = [outputs, inputs, kh, kw];
		Ok(Self(Arc::new(ConvParts { weight: packed, bias, dims, op: Conv2d { stride, padding } })))
	}

	/// Bytes of memory that the weights take.
	pub fn bytes(&self) -> usize {
		self.0.weight.bytes() + self.0.bias.as_ref().map_or(0, |bias| size_of_val(bias.as_slice()))
	}

	/// Convolves `x` (b, ci, h, w) to (b, co, oh, ow).
	///
	/// # Errors
	///
	/// `x` is empty or not f32 on the CPU, its shape does not fit, or the kernel is larger than the padded image.
	pub fn forward(&self, x: &Tensor) -> Result<Tensor> {
		self.forward_padded(x, self.0.op.padding)
	}

	/// The convolution with another number of zeros around the image than the layer was made with.
	///
	/// # Errors
	///
	/// As for [`Self::forward`].
	pub fn forward_padded(&self, x: &Tensor, padding: usize) -> Result<Tensor> {
		let x = input("packed conv2d", "x", x)?;
		let op = Conv2d { padding, ..self.0.op };
		op.sizes(x.dims(), &self.0.dims)?;
		x.apply_op1(ConvOp { parts: self.0.clone(), op })
	}

	/// The convolution of `x` plus `residual`, which has the shape of the result, in one pass.
	///
	/// # Errors
	///
	/// As for [`Self::forward`], or `residual` has another shape than the result.
	pub fn forward_add(&self, x: &Tensor, residual: &Tensor) -> Result<Tensor> {
		self.forward_padded_add(x, residual, self.0.op.padding)
	}

	/// [`Self::forward_padded`] plus `residual`, which has the shape of the result, in one pass.
	///
	/// # Errors
	///
	/// As for [`Self::forward_add`].
	pub fn forward_padded_add(&self, x: &Tensor, residual: &Tensor, padding: usize) -> Result<Tensor> {
		const OP: &str = "packed conv2d";
		let (x, residual) = (input(OP, "x", x)?, input(OP, "residual", residual)?);
		let op = Conv2d { padding, ..self.0.op };
		let sizes = op.sizes(x.dims(), &self.0.dims)?;
		expect_shape(OP, "residual", &residual, &[sizes.batch, sizes.outputs, sizes.oh, sizes.ow], &x)?;
		x.apply_op2(&residual, ConvOp { parts: self.0.clone(), op })
	}
}
