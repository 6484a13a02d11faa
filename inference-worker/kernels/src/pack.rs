//! How the operands of a matrix product are read.
//!
//! Both operands are seen as *lanes* (the rows of A, the columns of B) that run along the inner index k. Packing
//! copies a panel of neighbouring lanes into `panel[p · width + lane]`, which is the order the micro-kernels read.
//! Packing only moves numbers: it has no part in the numeric specification.

use rayon::prelude::*;

use crate::narrow::{Narrow, Stored};

/// One operand of a matrix product.
pub(crate) trait Lanes: Sync {
	/// Copies `valid` lanes from `lane0` on, for the inner indices `k0..k0 + kc`, to `panel[p * width + lane]`, and
	/// fills the lanes up to `width` with zeros.
	fn pack(&self, width: usize, lane0: usize, valid: usize, k0: usize, kc: usize, panel: &mut [f32]);

	/// The operand as a plain strided matrix, where it is one.
	fn strided(&self) -> Option<Strided<'_>> {
		None
	}

	/// Where `count` lanes from `lane` on lie next to each other for every inner index from `k0` on: the address of the
	/// first, and the step from one inner index to the next. Lanes past the last are zeros.
	fn panel(&self, _lane: usize, _count: usize, _k0: usize) -> Option<(*const f32, usize)> {
		None
	}

	/// The same of an operand that is stored in two bytes a value.
	fn narrow_panel(&self, _lane: usize, _count: usize, _k0: usize) -> Option<(Narrow, usize)> {
		None
	}

	/// The largest number of lanes and inner indices that may be asked for.
	fn extent(&self) -> (usize, usize);
}

/// A matrix in memory: element (lane, p) is `data[lane · lane_stride + p · k_stride]`.
#[derive(Clone, Copy)]
pub(crate) struct Strided<'a> {
	data: &'a [f32],
	lanes: usize,
	k: usize,
	pub(crate) lane_stride: usize,
	pub(crate) k_stride: usize,
}

impl<'a> Strided<'a> {
	pub(crate) fn new(data: &'a [f32], lanes: usize, k: usize, lane_stride: usize, k_stride: usize) -> Self {
		if lanes > 0 && k > 0 {
			// The kernels read by address: a size that overflows must not look small.
			let last = (lanes - 1).saturating_mul(lane_stride).saturating_add((k - 1).saturating_mul(k_stride));
			assert!(last < data.len(), "a {lanes}×{k} view reaches value {last}, there are {}", data.len());
		}
		Self { data, lanes, k, lane_stride, k_stride }
	}

	/// Lanes that are contiguous along k: the rows of a row-major A, or a weight of `n` rows used as B.
	pub(crate) fn k_contiguous(data: &'a [f32], lanes: usize, k: usize) -> Self {
		Self::new(data, lanes, k, k, 1)
	}

	/// Lanes that are neighbours in memory: the columns of a row-major B, or a transposed A.
	pub(crate) fn lane_contiguous(data: &'a [f32], lanes: usize, k: usize) -> Self {
		Self::new(data, lanes, k, 1, lanes)
	}

	/// Address of element (lane, p).
	pub(crate) fn pointer(&self, lane: usize, p: usize) -> *const f32 {
		self.data[lane * self.lane_stride + p * self.k_stride..].as_ptr()
	}
}

impl Lanes for Strided<'_> {
	fn pack(&self, width: usize, lane0: usize, valid: usize, k0: usize, kc: usize, panel: &mut [f32]) {
		let panel = &mut panel[..kc * width];
		if self.k_stride == 1 {
			interleave(self.data, lane0 * self.lane_stride + k0, self.lane_stride, valid, kc, width, panel);
			clear_tail(width, valid, panel);
		} else if self.lane_stride == 1 {
			for (p, row) in panel.chunks_exact_mut(width).enumerate() {
				let start = lane0 + (k0 + p) * self.k_stride;
				copy_short(&mut row[..valid], &self.data[start..start + valid]);
				row[valid..].fill(0.0);
			}
		} else {
			for (p, row) in panel.chunks_exact_mut(width).enumerate() {
				for (lane, value) in row[..valid].iter_mut().enumerate() {
					*value = self.data[(lane0 + lane) * self.lane_stride + (k0 + p) * self.k_stride];
				}
				row[valid..].fill(0.0);
			}
		}
	}

	fn strided(&self) -> Option<Strided<'_>> {
		Some(*self)
	}

	fn extent(&self) -> (usize, usize) {
		(self.lanes, self.k)
	}
}

/// A matrix copied once into the panels that the micro-kernels read, for an operand that many products share.
///
/// Panel after panel, `width` lanes each, inner index after inner index; the last panel is filled up with zeros. A product
/// on an instruction set with other tiles reads the same copy, only slower. Values take two bytes where that loses nothing.
pub(crate) struct Packed {
	panels: Stored,
	width: usize,
	lanes: usize,
	k: usize,
}

impl Packed {
	/// Copies `lanes` lanes of `k` values that lie one after the other into panels of `width` lanes.
	pub(crate) fn new(values: &[f32], lanes: usize, k: usize, width: usize) -> Self {
		let source = Strided::k_contiguous(values, lanes, k);
		let panels = Stored::filled(values, lanes.div_ceil(width) * width * k, width * k, |panel, values| {
			let lane = panel * width;
			source.pack(width, lane, width.min(lanes - lane), 0, k, values);
		});
		Self { panels, width, lanes, k }
	}

	/// Where element (lane, p) lies.
	fn place(&self, lane: usize, p: usize) -> usize {
		(lane / self.width * self.k + p) * self.width + lane % self.width
	}

	/// Where `count` lanes from `lane` on begin at the inner index `k0`, if they are in one panel.
	fn within_panel(&self, lane: usize, count: usize, k0: usize) -> Option<usize> {
		(lane < self.lanes && lane % self.width + count <= self.width).then(|| self.place(lane, k0))
	}

	/// The matrix as it was: lane after lane, each contiguous along k.
	pub(crate) fn unpacked(&self) -> Vec<f32> {
		let mut rows = vec![0.0f32; self.lanes * self.k];
		if self.k > 0 {
			rows.par_chunks_exact_mut(self.k).enumerate().for_each(|(lane, row)| self.lane(lane, row));
		}
		rows
	}

	/// Copies the lane `lane` to `row`, k values.
	pub(crate) fn lane(&self, lane: usize, row: &mut [f32]) {
		assert!(lane < self.lanes && row.len() == self.k, "lane {lane} of {}, {} values", self.lanes, row.len());
		self.panels.widen_every(self.place(lane, 0), self.width, row);
	}

	/// Bytes that the panels take.
	pub(crate) fn bytes(&self) -> usize {
		self.panels.bytes()
	}
}

impl Lanes for Packed {
	fn pack(&self, width: usize, lane0: usize, valid: usize, k0: usize, kc: usize, panel: &mut [f32]) {
		let panel = &mut panel[..kc * width];
		match self.within_panel(lane0, width, k0) {
			Some(start) if width == self.width => self.panels.widen(start, panel),
			Some(start) => {
				for (p, row) in panel.chunks_exact_mut(width).enumerate() {
					self.panels.widen(start + p * self.width, row);
				}
			}
			None => {
				for (p, row) in panel.chunks_exact_mut(width).enumerate() {
					for (lane, value) in row[..valid].iter_mut().enumerate() {
						self.panels.widen(self.place(lane0 + lane, k0 + p), std::slice::from_mut(value));
					}
					row[valid..].fill(0.0);
				}
			}
		}
	}

	fn panel(&self, lane: usize, count: usize, k0: usize) -> Option<(*const f32, usize)> {
		let values = self.panels.wide()?;
		self.within_panel(lane, count, k0).map(|start| (values[start..].as_ptr(), self.width))
	}

	fn narrow_panel(&self, lane: usize, count: usize, k0: usize) -> Option<(Narrow, usize)> {
		let start = self.within_panel(lane, count, k0)?;
		self.panels.narrow(start).map(|values| (values, self.width))
	}

	fn extent(&self) -> (usize, usize) {
		(self.lanes, self.k)
	}
}

/// A matrix whose element (lane, p) is `data[lane_offsets[lane] + k_offsets[p]]`: what a convolution sees of a padded
/// image, without the copy that im2col would make.
pub(crate) struct Gathered<'a> {
	data: &'a [f32],
	lane_offsets: &'a [usize],
	k_offsets: &'a [usize],
	/// Whether neighbours in memory are neighbours along k rather than along the lanes.
	along_k: bool,
}

impl<'a> Gathered<'a> {
	pub(crate) fn new(data: &'a [f32], lane_offsets: &'a [usize], k_offsets: &'a [usize], along_k: bool) -> Self {
		let last = lane_offsets.iter().max().zip(k_offsets.iter().max()).map(|(lane, p)| lane.saturating_add(*p));
		assert!(last.is_none_or(|last| last < data.len()), "a gathered view reaches past its {} values", data.len());
		Self { data, lane_offsets, k_offsets, along_k }
	}
}

/// The widest panel of any micro-kernel.
const MAX_WIDTH: usize = 32;

impl Lanes for Gathered<'_> {
	fn pack(&self, width: usize, lane0: usize, valid: usize, k0: usize, kc: usize, panel: &mut [f32]) {
		let panel = &mut panel[..kc * width];
		let lanes = &self.lane_offsets[lane0..lane0 + valid];
		let rows = &self.k_offsets[k0..k0 + kc];
		if self.along_k {
			self.pack_along_k(width, lanes, rows, panel);
		} else {
			self.pack_along_lanes(width, lanes, rows, panel);
		}
		clear_tail(width, valid, panel);
	}

	fn extent(&self) -> (usize, usize) {
		(self.lane_offsets.len(), self.k_offsets.len())
	}
}

impl Gathered<'_> {
	fn pack_along_k(&self, width: usize, lanes: &[usize], rows: &[usize], panel: &mut [f32]) {
		let stride = if lanes.len() > 1 { lanes[1] - lanes[0] } else { 0 };
		let regular = lanes.windows(2).all(|pair| pair[1].wrapping_sub(pair[0]) == stride);
		let mut p = 0;
		while p < rows.len() {
			let mut run = 1;
			while p + run < rows.len() && rows[p + run] == rows[p] + run {
				run += 1;
			}
			let part = &mut panel[p * width..(p + run) * width];
			if regular {
				interleave(self.data, lanes[0] + rows[p], stride, lanes.len(), run, width, part);
			} else {
				for (step, row) in part.chunks_exact_mut(width).enumerate() {
					for (value, lane) in row.iter_mut().zip(lanes) {
						*value = self.data[lane + rows[p] + step];
					}
				}
			}
			p += run;
		}
	}

	fn pack_along_lanes(&self, width: usize, lanes: &[usize], rows: &[usize], panel: &mut [f32]) {
		// Runs of lanes that are neighbours in memory: (first lane, offset, length).
		let mut runs = [(0usize, 0usize, 0usize); MAX_WIDTH];
		let mut count = 0;
		let mut lane = 0;
		while lane < lanes.len() {
			let mut len = 1;
			while lane + len < lanes.len() && lanes[lane + len] == lanes[lane] + len {
				len += 1;
			}
			runs[count] = (lane, lanes[lane], len);
			count += 1;
			lane += len;
		}
		let runs = &runs[..count];
		let uniform = runs.iter().all(|run| run.2 == runs[0].2);
		match (uniform, runs.first().map_or(0, |run| run.2)) {
			(true, 32) => self.copy_runs::<32>(width, runs, rows, panel),
			(true, 16) => self.copy_runs::<16>(width, runs, rows, panel),
			(true, 8) => self.copy_runs::<8>(width, runs, rows, panel),
			(true, 4) => self.copy_runs::<4>(width, runs, rows, panel),
			(true, 1) => self.copy_runs::<1>(width, runs, rows, panel),
			_ => {
				for (row, offset) in panel.chunks_exact_mut(width).zip(rows) {
					for &(lane, start, len) in runs {
						let from = start + offset;
						copy_short(&mut row[lane..lane + len], &self.data[from..from + len]);
					}
				}
			}
		}
	}

	#[inline(always)]
	fn copy_runs<const LEN: usize>(
		&self,
		width: usize,
		runs: &[(usize, usize, usize)],
		rows: &[usize],
		panel: &mut [f32],
	) {
		for (row, offset) in panel.chunks_exact_mut(width).zip(rows) {
			for &(lane, start, _) in runs {
				let from: &[f32; LEN] = self.data[start + offset..][..LEN].try_into().expect("LEN values");
				row[lane..lane + LEN].copy_from_slice(from);
			}
		}
	}
}

/// Copies a few values; the lengths of full panels become vector moves rather than a call.
#[inline(always)]
pub(crate) fn copy_short(target: &mut [f32], source: &[f32]) {
	#[inline(always)]
	fn fixed<const LEN: usize>(target: &mut [f32], source: &[f32]) {
		if let (Ok(target), Ok(source)) = (<&mut [f32; LEN]>::try_from(target), <&[f32; LEN]>::try_from(source)) {
			*target = *source;
		}
	}
	assert_eq!(target.len(), source.len());
	match source.len() {
		32 => fixed::<32>(target, source),
		16 => fixed::<16>(target, source),
		8 => fixed::<8>(target, source),
		4 => fixed::<4>(target, source),
		_ => target.copy_from_slice(source),
	}
}

fn clear_tail(width: usize, valid: usize, panel: &mut [f32]) {
	if valid < width {
		for row in panel.chunks_exact_mut(width) {
			row[valid..].fill(0.0);
		}
	}
}

/// `panel[p · width + lane] = data[start + lane · stride + p]` for `lanes` lanes and `kc` inner indices.
fn interleave(data: &[f32], start: usize, stride: usize, lanes: usize, kc: usize, width: usize, panel: &mut [f32]) {
	if lanes == 0 || kc == 0 {
		return;
	}
	assert!(start + (lanes - 1) * stride + kc <= data.len() && lanes <= width && kc * width <= panel.len());
	let whole_lanes = lanes / 4 * 4;
	let whole_k = kc / 4 * 4;
	// One cache line of every lane at a time, so that lines are still in the cache when their second half is read.
	let mut p0 = 0;
	while p0 < whole_k {
		let p1 = (p0 + 16).min(whole_k);
		for lane in (0..whole_lanes).step_by(4) {
			for p in (p0..p1).step_by(4) {
				// SAFETY: reads lanes `lane..lane + 4` at `p..p + 4` and writes their panel entries; both ranges were
				// checked by the assertion above.
				unsafe {
					transpose_4x4(
						data.as_ptr().add(start + lane * stride + p),
						stride,
						panel.as_mut_ptr().add(p * width + lane),
						width,
					);
				}
			}
		}
		p0 = p1;
	}
	for lane in 0..lanes {
		let from = if lane < whole_lanes { whole_k } else { 0 };
		let source = &data[start + lane * stride..][..kc];
		for p in from..kc {
			panel[p * width + lane] = source[p];
		}
	}
}

/// Writes the transpose of the 4×4 block at `source` (rows `source_stride` apart) to `target` (rows `target_stride`
/// apart).
///
/// # Safety
///
/// Four rows of four values must be readable at `source` and writable at `target`.
#[inline(always)]
unsafe fn transpose_4x4(source: *const f32, source_stride: usize, target: *mut f32, target_stride: usize) {
	#[cfg(target_arch = "x86_64")]
	{
		use std::arch::x86_64::{
			_mm_loadu_ps, _mm_movehl_ps, _mm_movelh_ps, _mm_storeu_ps, _mm_unpackhi_ps, _mm_unpacklo_ps,
		};
		// SAFETY: SSE is part of every x86-64; the caller vouches for the addresses.
		unsafe {
			let r0 = _mm_loadu_ps(source);
			let r1 = _mm_loadu_ps(source.add(source_stride));
			let r2 = _mm_loadu_ps(source.add(2 * source_stride));
			let r3 = _mm_loadu_ps(source.add(3 * source_stride));
			let (low01, high01) = (_mm_unpacklo_ps(r0, r1), _mm_unpackhi_ps(r0, r1));
			let (low23, high23) = (_mm_unpacklo_ps(r2, r3), _mm_unpackhi_ps(r2, r3));
			_mm_storeu_ps(target, _mm_movelh_ps(low01, low23));
			_mm_storeu_ps(target.add(target_stride), _mm_movehl_ps(low23, low01));
			_mm_storeu_ps(target.add(2 * target_stride), _mm_movelh_ps(high01, high23));
			_mm_storeu_ps(target.add(3 * target_stride), _mm_movehl_ps(high23, high01));
		}
	}
	#[cfg(target_arch = "aarch64")]
	{
		use std::arch::aarch64::{
			vld1q_f32, vreinterpretq_f32_f64, vreinterpretq_f64_f32, vst1q_f32, vtrn1q_f32, vtrn1q_f64, vtrn2q_f32,
			vtrn2q_f64,
		};
		// SAFETY: NEON is part of every aarch64 that Rust's targets assume; the caller vouches for the addresses.
		unsafe {
			let r0 = vld1q_f32(source);
			let r1 = vld1q_f32(source.add(source_stride));
			let r2 = vld1q_f32(source.add(2 * source_stride));
			let r3 = vld1q_f32(source.add(3 * source_stride));
			let (even01, odd01) =
				(vreinterpretq_f64_f32(vtrn1q_f32(r0, r1)), vreinterpretq_f64_f32(vtrn2q_f32(r0, r1)));
			let (even23, odd23) =
				(vreinterpretq_f64_f32(vtrn1q_f32(r2, r3)), vreinterpretq_f64_f32(vtrn2q_f32(r2, r3)));
			vst1q_f32(target, vreinterpretq_f32_f64(vtrn1q_f64(even01, even23)));
			vst1q_f32(target.add(target_stride), vreinterpretq_f32_f64(vtrn1q_f64(odd01, odd23)));
			vst1q_f32(target.add(2 * target_stride), vreinterpretq_f32_f64(vtrn2q_f64(even01, even23)));
			vst1q_f32(target.add(3 * target_stride), vreinterpretq_f32_f64(vtrn2q_f64(odd01, odd23)));
		}
	}
	#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
	for lane in 0..4 {
		for p in 0..4 {
			// SAFETY: the caller vouches for the addresses.
			unsafe { *target.add(p * target_stride + lane) = *source.add(lane * source_stride + p) };
		}
	}
}
