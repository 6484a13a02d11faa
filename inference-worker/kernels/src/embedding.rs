//! Rows of a table by index.

#[cfg(feature = "cuda")]
use candle_core::CudaStorage;
use candle_core::{bail, CpuStorage, CustomOp2, DType, Layout, Result, Shape, Storage, Tensor};

use crate::tensor::{input, slice, stored, tensor, values};

struct Embedding;

/// `id` as a row of a table of so many.
pub(crate) fn within(id: u32, rows: usize) -> Result<usize> {
	match id as usize {
		id if id < rows => Ok(id),
		id => bail!("embedding: index {id} is out of range, the table has {rows} rows"),
	}
}

/// Refuses what are no indices.
pub(crate) fn check_indices(ids: &Tensor) -> Result<()> {
	if ids.dtype() != DType::U32 {
		bail!("embedding: the indices are {:?}, they must be U32", ids.dtype());
	}
	if ids.elem_count() == 0 {
		bail!("embedding: there are no indices, their shape is {:?}", ids.dims());
	}
	Ok(())
}

pub(crate) fn indices<'a>(storage: &'a CpuStorage, layout: &Layout) -> Result<&'a [u32]> {
	let ids = storage.as_slice::<u32>()?;
	match layout.contiguous_offsets() {
		Some((start, end)) => Ok(&ids[start..end]),
		None => bail!("embedding: the indices are not contiguous: {layout:?}"),
	}
}

impl CustomOp2 for Embedding {
	fn name(&self) -> &'static str {
		"embedding"
	}

	fn cpu_fwd(&self, s1: &CpuStorage, l1: &Layout, s2: &CpuStorage, l2: &Layout) -> Result<(CpuStorage, Shape)> {
		let (ids, table) = (indices(s1, l1)?, slice(s2, l2)?);
		let (rows, d) = l2.shape().dims2()?;
		let mut out = Vec::with_capacity(ids.len() * d);
		for &id in ids {
			let id = within(id, rows)?;
			out.extend_from_slice(&table[id * d..(id + 1) * d]);
		}
		let mut shape = l1.dims().to_vec();
		shape.push(d);
		Ok(stored(out, shape))
	}

	#[cfg(feature = "cuda")]
	fn cuda_fwd(&self, s1: &CudaStorage, l1: &Layout, s2: &CudaStorage, l2: &Layout) -> Result<(CudaStorage, Shape)> {
		let mut shape = l1.dims().to_vec();
		shape.push(l2.dims()[1]);
		Ok((crate::cuda::embedding((s1, l1), (s2, l2))?, Shape::from(shape)))
	}

	fn bwd(
		&self,
		ids: &Tensor,
		table: &Tensor,
		_result: &Tensor,
		grad: &Tensor,
	) -> Result<(Option<Tensor>, Option<Tensor>)> {
		let grad = grad.contiguous()?;
		let (storage, layout) = ids.storage_and_layout();
		let Storage::Cpu(storage) = &*storage else { bail!("embedding: the indices are not on the CPU") };
		let (_, d) = table.dims2()?;
		let g = values(&grad)?;
		let mut dtable = vec![0.0f32; table.elem_count()];
		for (&id, g) in indices(storage, layout)?.iter().zip(g.chunks_exact(d)) {
			for (sum, g) in dtable[id as usize * d..][..d].iter_mut().zip(g) {
				*sum += g;
			}
		}
		Ok((None, Some(tensor(dtable, table.shape())?)))
	}
}

/// Row `ids[..]` of `table` (v, d) for every index, of shape (.., d). `ids` is u32 of any shape. The table's gradient
/// adds the rows up in the order of the indices.
///
/// # Errors
///
/// A tensor is empty, has the wrong type or is not on the CPU, or an index is not a row of the table.
pub fn embedding(ids: &Tensor, table: &Tensor) -> Result<Tensor> {
	let table = input("embedding", "table", table)?;
	if table.rank() != 2 {
		bail!("embedding: table has shape {:?}, (v, d) is needed", table.dims());
	}
	check_indices(ids)?;
	ids.contiguous()?.apply_op2(&table, Embedding)
}
