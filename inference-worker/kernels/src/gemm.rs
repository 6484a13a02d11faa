//! The matrix product that everything with weights goes through.
//!
//! [`reference`] is the specification: for every output element one chain of fused multiply-adds per block of 512
//! inner indices, the blocks added in order. The fast path computes the same chains, many at a time: which elements
//! share a vector, a tile, a thread or a call cannot change them. An element therefore does not depend on the size of
//! the batch it is computed in.

use std::cell::RefCell;
use std::marker::PhantomData;

use rayon::prelude::*;

use crate::isa::{isa, Isa};
use crate::narrow::{Bf16, Narrow, Value, F16};
use crate::pack::{copy_short, Lanes};
use crate::stream::stream_kernel;

/// Length of the inner blocks: part of the numeric specification.
pub const K_BLOCK: usize = 512;

/// Columns that one task packs and keeps in its level-2 cache.
const COLUMN_BLOCK: usize = 256;
/// Rows packed together.
const ROW_BLOCK: usize = 96;

/// The specification of the product of a row-major `a` (m × k) and a row-major `b` (k × n).
pub fn reference(m: usize, n: usize, k: usize, a: &[f32], b: &[f32]) -> Vec<f32> {
	let mut c = vec![0.0f32; m * n];
	for i in 0..m {
		for j in 0..n {
			let mut sum = 0.0f32;
			for (block, k0) in (0..k).step_by(K_BLOCK).enumerate() {
				let mut acc = 0.0f32;
				for p in k0..(k0 + K_BLOCK).min(k) {
					acc = a[i * k + p].mul_add(b[p * n + j], acc);
				}
				sum = if block == 0 { acc } else { sum + acc };
			}
			c[i * n + j] = sum;
		}
	}
	c
}

/// Where the product goes: element (i, j) to `data[i · row_stride + column(j)]`, where `column(j)` is `j`, or, for a
/// batch of images, `(j / block) · block_stride + j % block`.
pub(crate) struct Output<'a> {
	data: *mut f32,
	len: usize,
	row_stride: usize,
	block: usize,
	block_stride: usize,
	then: Then<'a>,
	lifetime: PhantomData<&'a mut [f32]>,
}

/// What becomes of an element after its last block and its bias, while it is still in the cache.
#[derive(Clone, Copy)]
pub(crate) enum Then<'a> {
	/// Nothing.
	Nothing,
	/// An elementwise function.
	Apply(fn(&mut [f32])),
	/// The value at the same place of a tensor laid out like the output is added.
	Add(&'a [f32]),
}

// SAFETY: the tasks of one product write disjoint (i, j), and `column` and the row stride map those to disjoint
// addresses.
unsafe impl Sync for Output<'_> {}

impl<'a> Output<'a> {
	/// A row-major matrix of `n` columns.
	pub(crate) fn rows(data: &'a mut [f32], n: usize) -> Self {
		Self::images(data, n, n.max(1), 0)
	}

	/// Images of `pixels` values per row; consecutive images lie `image_stride` apart, rows `row_stride` apart.
	pub(crate) fn images(data: &'a mut [f32], row_stride: usize, pixels: usize, image_stride: usize) -> Self {
		Self {
			len: data.len(),
			data: data.as_mut_ptr(),
			row_stride,
			block: pixels,
			block_stride: image_stride,
			then: Then::Nothing,
			lifetime: PhantomData,
		}
	}

	/// The same place, with a last step for every element.
	pub(crate) fn then(self, then: Then<'a>) -> Self {
		Self { then, ..self }
	}

	fn column(&self, j: usize) -> usize {
		(j / self.block) * self.block_stride + j % self.block
	}
}

/// What is added to every element after its last block.
#[derive(Clone, Copy)]
pub(crate) enum Bias<'a> {
	/// Nothing.
	None,
	/// One value per row.
	Row(&'a [f32]),
	/// One value per column.
	Column(&'a [f32]),
}

/// One product C = A · B (+ bias), with A of m × k and B of k × n.
pub(crate) struct Product<'a> {
	pub(crate) m: usize,
	pub(crate) n: usize,
	pub(crate) k: usize,
	pub(crate) a: &'a dyn Lanes,
	pub(crate) b: &'a dyn Lanes,
	pub(crate) bias: Bias<'a>,
	pub(crate) out: Output<'a>,
}

/// Runs a product on the threads of the current rayon pool.
pub(crate) fn multiply(product: &Product<'_>) {
	product.check();
	let threads = rayon::current_num_threads();
	/// Reading a weight from memory takes as long as computing so many rows with it.
	const FEWEST_ROWS: usize = 8;
	let rows = if product.m > 0 { product.m.max(FEWEST_ROWS) } else { 0 };
	let work = rows.saturating_mul(product.n).saturating_mul(product.k.max(1));
	/// About 20 µs of work: below, waking another thread costs more than it brings.
	const TASK: usize = 1 << 20;
	let want = (threads * 4).min(work / TASK);
	if threads == 1 || want < 2 {
		return product.block(0..product.m, 0..product.n);
	}
	let (mr, nr) = tile(isa());
	let column_tasks = (product.n / (4 * nr)).max(product.n.div_ceil(COLUMN_BLOCK)).clamp(1, want);
	let columns = product.n.div_ceil(column_tasks).next_multiple_of(nr);
	let column_tasks = product.n.div_ceil(columns);
	let row_tasks = want.div_ceil(column_tasks).clamp(1, product.m.div_ceil(2 * mr));
	let rows = product.m.div_ceil(row_tasks).next_multiple_of(mr);
	let row_tasks = product.m.div_ceil(rows);
	(0..row_tasks * column_tasks).into_par_iter().for_each(|task| {
		let (i, j) = (task / column_tasks * rows, task % column_tasks * columns);
		product.block(i..(i + rows).min(product.m), j..(j + columns).min(product.n));
	});
}

/// Runs a product on the calling thread: for callers that are parallel themselves.
pub(crate) fn multiply_serial(product: &Product<'_>) {
	product.check();
	product.block(0..product.m, 0..product.n);
}

thread_local! {
	/// Packed panels of A and B, kept from call to call.
	static PANELS: RefCell<(Vec<f32>, Vec<f32>)> = const { RefCell::new((Vec::new(), Vec::new())) };
}

fn grown(buffer: &mut Vec<f32>, len: usize) -> &mut [f32] {
	if buffer.len() < len {
		buffer.resize(len, 0.0);
	}
	&mut buffer[..len]
}

impl Product<'_> {
	fn check(&self) {
		let ((rows, a_k), (columns, b_k)) = (self.a.extent(), self.b.extent());
		assert!(
			self.m <= rows && self.n <= columns && self.k <= a_k && self.k <= b_k,
			"a product of {}×{}×{} from operands of {rows}×{a_k} and {b_k}×{columns}",
			self.m,
			self.k,
			self.n
		);
		match self.bias {
			Bias::None => {}
			Bias::Row(values) => assert_eq!(values.len(), self.m, "bias per row"),
			Bias::Column(values) => assert_eq!(values.len(), self.n, "bias per column"),
		}
		if let Then::Add(values) = self.out.then {
			assert_eq!(values.len(), self.out.len, "values to add to the output");
		}
		if self.m > 0 && self.n > 0 {
			// Elements are written by address and on several threads. Columns grow with j inside a block, so the last
			// row of the last block bounds all addresses; no two elements share one if neither rows nor blocks overlap.
			let (last_block, width) = ((self.n - 1) / self.out.block, self.out.block.min(self.n));
			let block = (self.m - 1).saturating_mul(self.out.row_stride).saturating_add(width);
			assert!(self.m == 1 || self.out.row_stride >= width, "the rows of the output overlap");
			assert!(last_block == 0 || self.out.block_stride >= block, "the images of the output overlap");
			let needed = last_block.saturating_mul(self.out.block_stride).saturating_add(block);
			assert!(needed <= self.out.len, "the product needs {needed} output values, there are {}", self.out.len);
		}
	}

	/// Computes the given rows and columns on this thread.
	fn block(&self, rows: std::ops::Range<usize>, columns: std::ops::Range<usize>) {
		if self.k == 0 {
			let empty = [0.0f32; 1];
			for i in rows {
				for j in columns.clone() {
					self.store(&empty, 1, i, 1, j, 1, true, true);
				}
				self.finish(i, 1, columns.clone());
			}
			return;
		}
		PANELS.with_borrow_mut(|(a_panels, b_panels)| {
			let mut j = columns.start;
			while j < columns.end {
				let end = (j + COLUMN_BLOCK).min(columns.end);
				for k0 in (0..self.k).step_by(K_BLOCK) {
					self.block_of_k(rows.clone(), j..end, k0, a_panels, b_panels);
				}
				j = end;
			}
		});
	}

	fn block_of_k(
		&self,
		rows: std::ops::Range<usize>,
		mut columns: std::ops::Range<usize>,
		k0: usize,
		a_panels: &mut Vec<f32>,
		b_panels: &mut Vec<f32>,
	) {
		let isa = isa();
		let (mr, nr) = tile(isa);
		let kc = K_BLOCK.min(self.k - k0);
		let (first, last) = (k0 == 0, k0 + kc == self.k);
		// A weight that few rows meet is read once, where it lies.
		let streamed = self.b.strided().filter(|view| view.k_stride == 1);
		let stream = stream_kernel(isa, rows.len()).filter(|_| streamed.is_some());
		// Very few rows do not pay for packing a B that can be read where it lies.
		let b_direct = self.b.strided().filter(|view| view.lane_stride == 1 && rows.len() <= 4);
		if let (Some(kernel), Some(view)) = (stream, streamed) {
			let a = grown(a_panels, kc * rows.len());
			self.a.pack(rows.len(), rows.start, rows.len(), k0, kc, a);
			let mut tile = [0.0f32; MAX_TILE];
			for j in (columns.start..columns.end).step_by(nr).take_while(|j| j + nr <= columns.end) {
				// SAFETY: `a` holds `kc` × rows values and the view, whose extent was checked, `nr` lanes of `kc`.
				// The kernel fits `isa`, which the CPU supports.
				unsafe { kernel(kc, a.as_ptr(), view.pointer(j, k0), view.lane_stride, tile.as_mut_ptr()) };
				self.store(&tile, nr, rows.start, rows.len(), j, nr, first, last);
			}
			let whole = columns.start + columns.len() / nr * nr;
			if last {
				self.finish(rows.start, rows.len(), columns.start..whole);
			}
			columns.start = whole;
			if columns.is_empty() {
				return;
			}
		}
		let panels = columns.len().div_ceil(nr);
		let b_panels = grown(b_panels, panels * kc * nr);
		for panel in 0..panels {
			let j = columns.start + panel * nr;
			let valid = nr.min(columns.end - j);
			let width = panel_width(isa, valid);
			let in_place = self.b.panel(j, width, k0).is_some()
				|| (rows.len() <= MAX_NARROW_ROWS && self.b.narrow_panel(j, width, k0).is_some())
				|| (b_direct.is_some() && valid == width);
			if !in_place {
				self.b.pack(width, j, valid, k0, kc, &mut b_panels[panel * kc * nr..]);
			}
		}
		let a_direct = self.a.strided().filter(|view| view.k_stride == 1 && columns.len() <= 64);
		let mut row = rows.start;
		while row < rows.end {
			let block_end = (row + ROW_BLOCK / mr * mr).min(rows.end);
			let row_panels = (block_end - row).div_ceil(mr);
			let a_panels = grown(a_panels, row_panels * kc * mr);
			for panel in 0..row_panels {
				let i = row + panel * mr;
				let valid = mr.min(block_end - i);
				let height = panel_height(isa, valid);
				if self.a.panel(i, height, k0).is_none() && (a_direct.is_none() || height != valid) {
					self.a.pack(mr, i, valid, k0, kc, &mut a_panels[panel * kc * mr..]);
				}
			}
			for row_panel in 0..row_panels {
				let i = row + row_panel * mr;
				let height = mr.min(block_end - i);
				let kernel_height = panel_height(isa, height);
				let (a, a_row, a_k) = match (self.a.panel(i, kernel_height, k0), a_direct) {
					(Some((a, step)), _) => (a, 1, step),
					(None, Some(view)) if kernel_height == height => (view.pointer(i, k0), view.lane_stride, 1),
					_ => (a_panels[row_panel * kc * mr..].as_ptr(), 1, mr),
				};
				for panel in 0..panels {
					let j = columns.start + panel * nr;
					let valid = nr.min(columns.end - j);
					let width = panel_width(isa, valid);
					let mut tile = [0.0f32; MAX_TILE];
					let narrow = match rows.len() <= MAX_NARROW_ROWS {
						true => self.b.narrow_panel(j, width, k0),
						false => None,
					};
					if let Some((b, b_k)) = narrow {
						// SAFETY: as below; the panel is one of two-byte values.
						unsafe {
							match b {
								Narrow::F16(b) => {
									let kernel = narrow_kernel::<F16>(isa, kernel_height, width);
									kernel(kc, a, a_row, a_k, b, b_k, tile.as_mut_ptr());
								}
								Narrow::Bf16(b) => {
									let kernel = narrow_kernel::<Bf16>(isa, kernel_height, width);
									kernel(kc, a, a_row, a_k, b, b_k, tile.as_mut_ptr());
								}
							}
						}
						self.store(&tile, width, i, height, j, valid, first, last);
						continue;
					}
					let (b, b_k) = match (self.b.panel(j, width, k0), b_direct) {
						(Some(panel), _) => panel,
						(None, Some(view)) if valid == width => (view.pointer(j, k0), view.k_stride),
						_ => (b_panels[panel * kc * nr..].as_ptr(), width),
					};
					let kernel = micro_kernel(isa, kernel_height, width);
					// SAFETY: `a` addresses `kernel_height` rows and `b` `width` columns of `kc` values: either
					// packed panels of that size, now or before, or, where no lane is missing, the operand itself,
					// whose extent was checked. The kernel fits `isa`, which the CPU supports.
					unsafe { kernel(kc, a, a_row, a_k, b, b_k, tile.as_mut_ptr()) };
					self.store(&tile, width, i, height, j, valid, first, last);
				}
				if last {
					self.finish(i, height, columns.clone());
				}
			}
			row = block_end;
		}
	}

	/// Does the output's last step for some rows and columns that are complete.
	fn finish(&self, i: usize, height: usize, columns: std::ops::Range<usize>) {
		if matches!(self.out.then, Then::Nothing) {
			return;
		}
		for r in i..i + height {
			let mut j = columns.start;
			while j < columns.end {
				let run = (self.out.block - j % self.out.block).min(columns.end - j);
				let start = r * self.out.row_stride + self.out.column(j);
				debug_assert!(start + run <= self.out.len);
				// SAFETY: `check` bounded every address of the product, and no other task holds this part of it.
				let target = unsafe { std::slice::from_raw_parts_mut(self.out.data.add(start), run) };
				match self.out.then {
					Then::Nothing => {}
					Then::Apply(function) => function(target),
					Then::Add(values) => {
						for (target, value) in target.iter_mut().zip(&values[start..start + run]) {
							*target += value;
						}
					}
				}
				j += run;
			}
		}
	}

	/// Adds a finished tile of one k-block to the output.
	#[allow(clippy::too_many_arguments)]
	fn store(
		&self,
		tile: &[f32],
		width: usize,
		i: usize,
		height: usize,
		j: usize,
		valid: usize,
		first: bool,
		last: bool,
	) {
		let mut done = 0;
		while done < valid {
			// A tile may reach over the border between two images.
			let run = (self.out.block - (j + done) % self.out.block).min(valid - done);
			let column = self.out.column(j + done);
			for r in 0..height {
				let values = &tile[r * width + done..][..run];
				let start = (i + r) * self.out.row_stride + column;
				debug_assert!(start + run <= self.out.len);
				// SAFETY: `check` bounded every address of the product, and no other task holds this part of it.
				let target = unsafe { std::slice::from_raw_parts_mut(self.out.data.add(start), run) };
				if first {
					copy_short(target, values);
				} else {
					for (target, value) in target.iter_mut().zip(values) {
						*target += value;
					}
				}
				if last {
					match self.bias {
						Bias::None => {}
						Bias::Row(bias) => {
							for value in target {
								*value += bias[i + r];
							}
						}
						Bias::Column(bias) => {
							for (value, bias) in target.iter_mut().zip(&bias[j + done..]) {
								*value += bias;
							}
						}
					}
				}
			}
			done += run;
		}
	}
}

/// Values of the largest tile.
const MAX_TILE: usize = 12 * 32;

/// Most rows of A for which values of two bytes are widened as they are read: more share one widened copy.
const MAX_NARROW_ROWS: usize = 4;

/// (kc, a, step between rows of a, step of a along k, b, step of b along k, tile)
type MicroKernel<B = f32> = unsafe fn(usize, *const f32, usize, usize, *const B, usize, *mut f32);

/// `tile[i · NR + j]` = fma chain over p of `a[i · a_row + p · a_k] · b[p · b_k + j]`, from +0.
#[inline(always)]
unsafe fn micro<B: Value, const MR: usize, const NR: usize>(
	kc: usize,
	a: *const f32,
	a_row: usize,
	a_k: usize,
	b: *const B,
	b_k: usize,
	tile: *mut f32,
) {
	let mut acc = [[0.0f32; NR]; MR];
	for p in 0..kc {
		// SAFETY: the caller vouches for `kc` rows of NR values at `b` and MR × `kc` values at `a`.
		unsafe {
			let b: &[B; NR] = &*b.add(p * b_k).cast();
			let mut wide = [0.0f32; NR];
			for (wide, b) in wide.iter_mut().zip(b) {
				*wide = b.wide();
			}
			for (i, acc) in acc.iter_mut().enumerate() {
				let a = *a.add(i * a_row + p * a_k);
				for j in 0..NR {
					acc[j] = a.mul_add(wide[j], acc[j]);
				}
			}
		}
	}
	// SAFETY: the caller vouches for MR × NR values at `tile`.
	unsafe { tile.cast::<[[f32; NR]; MR]>().write_unaligned(acc) };
}

macro_rules! compiled_for {
	($name:ident $(, $feature:literal)?) => {
		$(#[target_feature(enable = $feature)])?
		unsafe fn $name<B: Value, const MR: usize, const NR: usize>(
			kc: usize,
			a: *const f32,
			a_row: usize,
			a_k: usize,
			b: *const B,
			b_k: usize,
			tile: *mut f32,
		) {
			// SAFETY: the same contract.
			unsafe { micro::<B, MR, NR>(kc, a, a_row, a_k, b, b_k, tile) }
		}
	};
}
compiled_for!(micro_portable);
#[cfg(target_arch = "x86_64")]
compiled_for!(micro_avx2, "avx2,fma");
#[cfg(target_arch = "x86_64")]
compiled_for!(micro_avx512, "avx512f");

/// The widths of the panels that this host's kernels read fastest: of an operand A, and of an operand B.
pub(crate) fn panel_widths() -> (usize, usize) {
	tile(isa())
}

/// Rows and columns of the full tile: as many accumulators as the register file holds.
fn tile(isa: Isa) -> (usize, usize) {
	match isa {
		Isa::Avx512 => (12, 32),
		Isa::Avx2 => (6, 16),
		Isa::Neon => (8, 8),
		Isa::Scalar => (4, 4),
	}
}

/// The narrowest kernel that covers `valid` columns.
fn panel_width(isa: Isa, valid: usize) -> usize {
	let full = tile(isa).1;
	if isa != Isa::Scalar && valid <= full / 2 {
		full / 2
	} else {
		full
	}
}

/// The lowest kernel that covers `valid` rows.
fn panel_height(isa: Isa, valid: usize) -> usize {
	let heights: &[usize] = match isa {
		Isa::Avx512 => &[1, 2, 4, 6, 8, 12],
		Isa::Avx2 => &[1, 2, 4, 6],
		Isa::Neon => &[1, 2, 4, 8],
		Isa::Scalar => &[1, 2, 4],
	};
	heights.iter().copied().find(|height| *height >= valid).unwrap_or(tile(isa).0)
}

/// Picks the instance of a function for a height and a width.
macro_rules! pick {
	($height:expr, $width:expr, $function:ident, $value:ty: $($mr:literal x $nr:literal),+) => {
		match ($height, $width) {
			$(($mr, $nr) => $function::<$value, $mr, $nr>,)+
			(height, width) => unreachable!("there is no {height}×{width} kernel"),
		}
	};
}

fn micro_kernel(isa: Isa, height: usize, width: usize) -> MicroKernel {
	match isa {
		#[cfg(target_arch = "x86_64")]
		Isa::Avx512 => pick!(height, width, micro_avx512, f32: 12 x 32, 8 x 32, 6 x 32, 4 x 32, 2 x 32, 1 x 32, 12 x 16,
			8 x 16, 6 x 16, 4 x 16, 2 x 16, 1 x 16),
		#[cfg(target_arch = "x86_64")]
		Isa::Avx2 => pick!(height, width, micro_avx2, f32: 6 x 16, 4 x 16, 2 x 16, 1 x 16, 6 x 8, 4 x 8, 2 x 8, 1 x 8),
		Isa::Neon => pick!(height, width, micro_portable, f32: 8 x 8, 4 x 8, 2 x 8, 1 x 8, 8 x 4, 4 x 4, 2 x 4, 1 x 4),
		_ => pick!(height, width, micro_portable, f32: 4 x 4, 2 x 4, 1 x 4),
	}
}

/// The same for values of two bytes, up to [`MAX_NARROW_ROWS`].
fn narrow_kernel<B: Value>(isa: Isa, height: usize, width: usize) -> MicroKernel<B> {
	match isa {
		#[cfg(target_arch = "x86_64")]
		Isa::Avx512 => pick!(height, width, micro_avx512, B: 4 x 32, 2 x 32, 1 x 32, 4 x 16, 2 x 16, 1 x 16),
		#[cfg(target_arch = "x86_64")]
		Isa::Avx2 => pick!(height, width, micro_avx2, B: 4 x 16, 2 x 16, 1 x 16, 4 x 8, 2 x 8, 1 x 8),
		Isa::Neon => pick!(height, width, micro_portable, B: 4 x 8, 2 x 8, 1 x 8, 4 x 4, 2 x 4, 1 x 4),
		_ => pick!(height, width, micro_portable, B: 4 x 4, 2 x 4, 1 x 4),
	}
}

#[cfg(test)]
mod tests {
	use super::*;
	use crate::isa::with_isa;
	use crate::pack::{Gathered, Packed, Strided};

	fn values(len: usize, salt: u32) -> Vec<f32> {
		(0..len as u32)
			.map(|i| ((i.wrapping_mul(2_654_435_761) ^ salt.wrapping_mul(40_503)) >> 8) as f32 / 8_388_608.0 - 1.0)
			.collect()
	}

	fn bits(values: &[f32]) -> Vec<u32> {
		values.iter().map(|value| value.to_bits()).collect()
	}

	const SHAPES: [(usize, usize, usize); 11] = [
		(1, 1, 1),
		(1, 300, 1025),
		(2, 33, 7),
		(3, 16, 513),
		(5, 17, 512),
		(12, 32, 64),
		(13, 40, 600),
		(64, 64, 30),
		(70, 300, 1100),
		(97, 48, 31),
		(200, 7, 129),
	];

	#[test]
	fn product_should_equal_the_reference_when_operands_lie_in_any_order() {
		for (m, n, k) in SHAPES {
			let (a, b) = (values(m * k, 1), values(k * n, 2));
			let expected = bits(&reference(m, n, k, &a, &b));
			let transposed = |x: &[f32], rows: usize, columns: usize| -> Vec<f32> {
				(0..rows * columns).map(|i| x[(i % rows) * columns + i / rows]).collect()
			};
			let (at, bt) = (transposed(&a, m, k), transposed(&b, k, n));
			for isa in [Isa::Scalar, Isa::Neon, Isa::Avx2, Isa::Avx512] {
				for variant in 0..4 {
					let a_view = if variant & 1 == 0 {
						Strided::k_contiguous(&a, m, k)
					} else {
						Strided::lane_contiguous(&at, m, k)
					};
					let b_view = if variant & 2 == 0 {
						Strided::lane_contiguous(&b, n, k)
					} else {
						Strided::k_contiguous(&bt, n, k)
					};
					let mut c = vec![f32::NAN; m * n];
					let ran = with_isa(isa, || {
						multiply(&Product {
							m,
							n,
							k,
							a: &a_view,
							b: &b_view,
							bias: Bias::None,
							out: Output::rows(&mut c, n),
						});
					});
					if ran.is_some() {
						assert_eq!(bits(&c), expected, "{m}×{k}×{n} {isa:?} variant {variant}");
					}
				}
			}
		}
	}

	#[test]
	fn product_should_equal_the_reference_when_operands_are_gathered() {
		let (m, n, k) = (37, 75, 530);
		let (a, b) = (values(m * k, 3), values(k * n, 4));
		let expected = bits(&reference(m, n, k, &a, &b));
		let a_lanes: Vec<usize> = (0..m).map(|i| i * k).collect();
		let a_k: Vec<usize> = (0..k).collect();
		let b_lanes: Vec<usize> = (0..n).collect();
		let b_k: Vec<usize> = (0..k).map(|p| p * n).collect();
		let mut c = vec![f32::NAN; m * n];
		multiply(&Product {
			m,
			n,
			k,
			a: &Gathered::new(&a, &a_lanes, &a_k, true),
			b: &Gathered::new(&b, &b_lanes, &b_k, false),
			bias: Bias::None,
			out: Output::rows(&mut c, n),
		});
		assert_eq!(bits(&c), expected);
	}

	/// Whether values are kept in two bytes, and how they become such.
	type Rounding = fn(f32) -> f32;
	const STORED: [(bool, Rounding); 3] = [
		(false, |value| value),
		(true, |value| f32::from_bits(value.to_bits() & 0xffff_0000)),
		(true, |value| half::f16::from_f32(value).to_f32()),
	];

	/// Values as they are stored, some of them zeros of either sign or subnormal in f16.
	fn stored(len: usize, salt: u32, round: fn(f32) -> f32) -> Vec<f32> {
		let special = |(i, value): (usize, f32)| match i % 17 {
			3 => -0.0,
			5 => 0.0,
			7 => value / 1_048_576.0,
			_ => value,
		};
		values(len, salt).into_iter().enumerate().map(special).map(round).collect()
	}

	#[test]
	fn product_should_equal_the_reference_when_an_operand_is_packed_for_any_tile() {
		const SHAPES: [(usize, usize, usize); 9] = [
			(1, 1, 1),
			(1, 40, 1025),
			(2, 33, 511),
			(3, 16, 513),
			(4, 77, 600),
			(5, 32, 512),
			(8, 9, 700),
			(13, 35, 530),
			(20, 70, 64),
		];
		for (m, n, k) in SHAPES {
			for (is_narrow, round) in STORED {
				let (a, bt) = (stored(m * k, 1, round), stored(n * k, 2, round));
				let b: Vec<f32> = (0..k * n).map(|i| bt[(i % n) * k + i / n]).collect();
				let expected = bits(&reference(m, n, k, &a, &b));
				for width in [4, 6, 8, 12, 16, 32] {
					let (packed_a, packed_b) = (Packed::new(&a, m, k, width), Packed::new(&bt, n, k, width));
					if is_narrow {
						assert_eq!(packed_b.bytes(), 2 * n.next_multiple_of(width) * k);
					}
					assert_eq!(bits(&packed_a.unpacked()), bits(&a));
					let (view_a, view_b) = (Strided::k_contiguous(&a, m, k), Strided::k_contiguous(&bt, n, k));
					let operands: [(&dyn Lanes, &dyn Lanes); 3] =
						[(&packed_a, &view_b), (&view_a, &packed_b), (&packed_a, &packed_b)];
					for isa in [Isa::Scalar, Isa::Neon, Isa::Avx2, Isa::Avx512] {
						for (which, (a, b)) in operands.into_iter().enumerate() {
							let mut c = vec![f32::NAN; m * n];
							let ran = with_isa(isa, || {
								let out = Output::rows(&mut c, n);
								multiply(&Product { m, n, k, a, b, bias: Bias::None, out });
							});
							if ran.is_some() {
								assert_eq!(bits(&c), expected, "{m}×{k}×{n} width {width} {isa:?} operands {which}");
							}
						}
					}
				}
			}
		}
	}

	#[test]
	fn last_steps_should_reach_every_element_once_when_the_output_is_a_batch_of_images() {
		let (m, n, k) = (21, 3 * 30, 520);
		let (a, b, add) = (values(m * k, 7), values(k * n, 8), values(m * n, 9));
		let bias = values(m, 10);
		let flat = reference(m, n, k, &a, &b);
		let packed = Packed::new(&a, m, k, panel_widths().0);
		let double = |values: &mut [f32]| values.iter_mut().for_each(|value| *value *= 2.0);
		for then in [Then::Apply(double), Then::Add(&add)] {
			let mut c = vec![f32::NAN; m * n];
			multiply(&Product {
				m,
				n,
				k,
				a: &packed,
				b: &Strided::lane_contiguous(&b, n, k),
				bias: Bias::Row(&bias),
				out: Output::images(&mut c, 30, 30, 30 * m).then(then),
			});
			for (at, value) in c.iter().enumerate() {
				let (image, i, pixel) = (at / (30 * m), at / 30 % m, at % 30);
				let sum = flat[i * n + image * 30 + pixel] + bias[i];
				let expected = match then {
					Then::Add(add) => sum + add[at],
					_ => sum * 2.0,
				};
				assert_eq!(value.to_bits(), expected.to_bits(), "image {image} row {i} pixel {pixel}");
			}
		}
	}

	#[test]
	fn product_should_be_refused_when_rows_or_images_of_the_output_overlap() {
		let (a, b) = ([1.0f32; 6], [1.0f32; 12]);
		for (row_stride, image_stride, words) in [(1, 4, "rows"), (2, 3, "images"), (3, 6, "output values")] {
			let run = || {
				let mut c = vec![0.0f32; 8];
				multiply(&Product {
					m: 2,
					n: 4,
					k: 3,
					a: &Strided::k_contiguous(&a, 2, 3),
					b: &Strided::lane_contiguous(&b, 4, 3),
					bias: Bias::None,
					out: Output::images(&mut c, row_stride, 2, image_stride),
				});
			};
			let panic = std::panic::catch_unwind(run).expect_err("the strides do not fit");
			let message = panic.downcast_ref::<String>().cloned();
			let message = message.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
			assert!(message.as_ref().is_some_and(|message| message.contains(words)), "{message:?}");
		}
	}

	#[test]
	fn view_should_be_refused_when_its_size_overflows() {
		let data = [0.0f32; 4];
		let view = || Strided::new(&data, 3, 2, usize::MAX / 2 + 1, 1).extent();
		assert!(std::panic::catch_unwind(view).is_err());
	}

	#[test]
	fn product_should_be_the_bias_when_there_is_no_inner_dimension() {
		let mut c = vec![f32::NAN; 6];
		let bias = [1.0, 2.0, 3.0];
		multiply(&Product {
			m: 2,
			n: 3,
			k: 0,
			a: &Strided::k_contiguous(&[], 2, 0),
			b: &Strided::k_contiguous(&[], 3, 0),
			bias: Bias::Column(&bias),
			out: Output::rows(&mut c, 3),
		});
		assert_eq!(c, [1.0, 2.0, 3.0, 1.0, 2.0, 3.0]);
	}

	#[test]
	fn product_should_scatter_columns_when_the_output_is_a_batch_of_images() {
		let (m, n, k) = (5, 3 * 10, 20);
		let (a, b) = (values(m * k, 5), values(k * n, 6));
		let flat = reference(m, n, k, &a, &b);
		let mut c = vec![f32::NAN; m * n];
		multiply(&Product {
			m,
			n,
			k,
			a: &Strided::k_contiguous(&a, m, k),
			b: &Strided::lane_contiguous(&b, n, k),
			bias: Bias::None,
			out: Output::images(&mut c, 10, 10, 10 * m),
		});
		for image in 0..3 {
			for i in 0..m {
				for pixel in 0..10 {
					assert_eq!(c[(image * m + i) * 10 + pixel], flat[i * n + image * 10 + pixel]);
				}
			}
		}
	}
}
