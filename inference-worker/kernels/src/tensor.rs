//! Between Candle's tensors and the slices that the kernels work on.

use std::ops::Deref;

use candle_core::{bail, CpuStorage, DType, Device, Layout, Result, Shape, Storage, StorageRef, Tensor};
use rayon::prelude::*;

/// The values behind a custom operation's argument, which [`input`] made contiguous.
pub(crate) fn slice<'a>(storage: &'a CpuStorage, layout: &Layout) -> Result<&'a [f32]> {
	let values = storage.as_slice::<f32>()?;
	match layout.contiguous_offsets() {
		Some((start, end)) => Ok(&values[start..end]),
		None => bail!("a kernel was given a tensor that is not contiguous: {layout:?}"),
	}
}

/// Read access to the values of a contiguous tensor.
pub(crate) struct Values<'a> {
	storage: StorageRef<'a>,
	start: usize,
	end: usize,
}

impl Deref for Values<'_> {
	type Target = [f32];

	fn deref(&self) -> &[f32] {
		match &*self.storage {
			Storage::Cpu(CpuStorage::F32(values)) => &values[self.start..self.end],
			_ => unreachable!("`values` admits only f32 on the CPU"),
		}
	}
}

/// The values of a contiguous f32 tensor on the CPU, without a copy.
pub(crate) fn values(tensor: &Tensor) -> Result<Values<'_>> {
	let (storage, layout) = tensor.storage_and_layout();
	let Some((start, end)) = layout.contiguous_offsets() else {
		bail!("the tensor is not contiguous: {layout:?}");
	};
	match &*storage {
		Storage::Cpu(CpuStorage::F32(_)) => {}
		_ => bail!("the tensor is {:?} on {:?}, kernels work on f32 on the CPU", tensor.dtype(), tensor.device()),
	}
	Ok(Values { storage, start, end })
}

/// A tensor as a kernel takes it: f32, on the CPU (or a GPU, in a build for one), contiguous and not empty.
pub(crate) fn input(op: &str, name: &str, tensor: &Tensor) -> Result<Tensor> {
	if tensor.dtype() != DType::F32 {
		bail!("{op}: {name} is {:?}, the kernels compute in f32 only: convert it first", tensor.dtype());
	}
	if tensor.elem_count() == 0 {
		bail!("{op}: {name} has no elements, its shape is {:?}", tensor.dims());
	}
	if !(matches!(tensor.device(), Device::Cpu) || cfg!(feature = "cuda") && tensor.device().is_cuda()) {
		bail!("{op}: {name} is on {:?}, the kernels run on the CPU", tensor.device());
	}
	tensor.contiguous()
}

/// Checks that a parameter has the shape that the data it belongs to asks for.
pub(crate) fn expect_shape(op: &str, name: &str, tensor: &Tensor, expected: &[usize], data: &Tensor) -> Result<()> {
	if tensor.dims() != expected {
		bail!("{op}: {name} has shape {:?}, data of shape {:?} asks for {expected:?}", tensor.dims(), data.dims());
	}
	Ok(())
}

/// The result of a forward pass.
pub(crate) fn stored(values: Vec<f32>, shape: impl Into<Shape>) -> (CpuStorage, Shape) {
	(CpuStorage::F32(values), shape.into())
}

/// A gradient: a tensor without history.
pub(crate) fn tensor(values: Vec<f32>, shape: impl Into<Shape>) -> Result<Tensor> {
	Tensor::from_vec(values, shape.into(), &Device::Cpu)
}

/// Values that a task of a cheap elementwise kernel takes at once.
const CHUNK: usize = 1 << 14;

/// Calls `work(offset, part)` for parts of `out` whose length is a multiple of `unit`, on the threads of the pool
/// where there is enough to do.
pub(crate) fn for_parts(out: &mut [f32], unit: usize, work: impl Fn(usize, &mut [f32]) + Sync) {
	let part = CHUNK.div_ceil(unit) * unit;
	if rayon::current_num_threads() == 1 || out.len() <= part {
		return work(0, out);
	}
	out.par_chunks_mut(part).enumerate().for_each(|(i, chunk)| work(i * part, chunk));
}
