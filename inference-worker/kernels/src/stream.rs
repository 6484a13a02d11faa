//! Micro-kernels for few rows of A: they read a weight once, where it lies, as a decoding step of a language model
//! does.
//!
//! The lanes of B are contiguous along k, so that vectors across lanes are made by transposing in
//! registers. The chains are those of every other kernel.

use crate::isa::Isa;

/// (kc, packed a, b, step between lanes of b, tile)
pub(crate) type StreamKernel = unsafe fn(usize, *const f32, *const f32, usize, *mut f32);

/// The kernel for `rows` rows of A and a full panel of lanes of B, where there is one. Takes A packed
/// to exactly `rows` values per inner index.
#[cfg_attr(not(any(target_arch = "x86_64", target_arch = "aarch64")), allow(unused_variables))]
pub(crate) fn stream_kernel(isa: Isa, rows: usize) -> Option<StreamKernel> {
	#[cfg(target_arch = "x86_64")]
	match (isa, rows) {
		(Isa::Avx512, 1) => return Some(x86::lanes32::<1>),
		(Isa::Avx512, 2) => return Some(x86::lanes32::<2>),
		(Isa::Avx512, 3) => return Some(x86::lanes32::<3>),
		(Isa::Avx512, 4) => return Some(x86::lanes32::<4>),
		(Isa::Avx512, 5) => return Some(x86::lanes32::<5>),
		(Isa::Avx512, 6) => return Some(x86::lanes32::<6>),
		(Isa::Avx512, 7) => return Some(x86::lanes32::<7>),
		(Isa::Avx512, 8) => return Some(x86::lanes32::<8>),
		(Isa::Avx2, 1) => return Some(x86::lanes16::<1>),
		(Isa::Avx2, 2) => return Some(x86::lanes16::<2>),
		(Isa::Avx2, 3) => return Some(x86::lanes16::<3>),
		(Isa::Avx2, 4) => return Some(x86::lanes16::<4>),
		_ => {}
	}
	#[cfg(target_arch = "aarch64")]
	match (isa, rows) {
		(Isa::Neon, 1) => return Some(neon::lanes8::<1>),
		(Isa::Neon, 2) => return Some(neon::lanes8::<2>),
		(Isa::Neon, 3) => return Some(neon::lanes8::<3>),
		(Isa::Neon, 4) => return Some(neon::lanes8::<4>),
		_ => {}
	}
	None
}

#[cfg(target_arch = "aarch64")]
mod neon {
	use std::arch::aarch64::*;

	/// Inner indices of one cache line of 64 bytes, as for x86.
	const LINE: usize = 16;

	/// Four inner indices of four lanes as one vector across lanes per inner index.
	///
	/// # Safety
	///
	/// Four lanes of four values, `lane` apart, must be readable at `b`.
	#[inline]
	#[target_feature(enable = "neon")]
	unsafe fn transposed(b: *const f32, lane: usize) -> [float32x4_t; 4] {
		// SAFETY: the caller vouches for the addresses.
		let (r0, r1, r2, r3) =
			unsafe { (vld1q_f32(b), vld1q_f32(b.add(lane)), vld1q_f32(b.add(2 * lane)), vld1q_f32(b.add(3 * lane))) };
		let even01 = vreinterpretq_f64_f32(vtrn1q_f32(r0, r1));
		let odd01 = vreinterpretq_f64_f32(vtrn2q_f32(r0, r1));
		let even23 = vreinterpretq_f64_f32(vtrn1q_f32(r2, r3));
		let odd23 = vreinterpretq_f64_f32(vtrn2q_f32(r2, r3));
		[
			vreinterpretq_f32_f64(vtrn1q_f64(even01, even23)),
			vreinterpretq_f32_f64(vtrn1q_f64(odd01, odd23)),
			vreinterpretq_f32_f64(vtrn2q_f64(even01, even23)),
			vreinterpretq_f32_f64(vtrn2q_f64(odd01, odd23)),
		]
	}

	/// `tile[i · 8 + j]` = fma chain over p of `a[p · MR + i] · b[j · lane + p]`.
	///
	/// # Safety
	///
	/// `a` must address `kc` × MR values, `b` 8 lanes of `kc` values, `tile` MR × 8 values.
	#[target_feature(enable = "neon")]
	pub(super) unsafe fn lanes8<const MR: usize>(kc: usize, a: *const f32, b: *const f32, lane: usize, tile: *mut f32) {
		let mut acc = [[vdupq_n_f32(0.0); 2]; MR];
		let whole = kc / 4 * 4;
		// SAFETY: every address lies in the values that the caller vouches for.
		unsafe {
			for line in (0..whole).step_by(LINE) {
				for g in 0..2 {
					let group = b.add(4 * g * lane);
					for p in (line..(line + LINE).min(whole)).step_by(4) {
						let columns = transposed(group.add(p), lane);
						for (i, acc) in acc.iter_mut().enumerate() {
							for (step, column) in columns.iter().enumerate() {
								acc[g] = vfmaq_n_f32(acc[g], *column, *a.add((p + step) * MR + i));
							}
						}
					}
				}
			}
			for p in whole..kc {
				for g in 0..2 {
					let column: [f32; 4] = std::array::from_fn(|j| *b.add((4 * g + j) * lane + p));
					let column = vld1q_f32(column.as_ptr());
					for (i, acc) in acc.iter_mut().enumerate() {
						acc[g] = vfmaq_n_f32(acc[g], column, *a.add(p * MR + i));
					}
				}
			}
			for (i, acc) in acc.iter().enumerate() {
				vst1q_f32(tile.add(i * 8), acc[0]);
				vst1q_f32(tile.add(i * 8 + 4), acc[1]);
			}
		}
	}
}

#[cfg(target_arch = "x86_64")]
mod x86 {
	use std::arch::x86_64::*;

	/// Inner indices of one cache line. A line of each lane is used up before the next group of lanes: lanes a power
	/// of two apart share a cache set.
	const LINE: usize = 16;
	/// How far ahead lanes are prefetched, in values.
	const AHEAD: usize = 64;

	/// `tile[i · 16 + j]` = fma chain over p of `a[p · MR + i] · b[j · lane + p]`.
	///
	/// # Safety
	///
	/// `a` must address `kc` × MR values, `b` 16 lanes of `kc` values, `tile` MR × 16 values; the CPU must have AVX2
	/// and FMA.
	#[target_feature(enable = "avx2,fma")]
	pub(super) unsafe fn lanes16<const MR: usize>(
		kc: usize,
		a: *const f32,
		b: *const f32,
		lane: usize,
		tile: *mut f32,
	) {
		let mut acc = [[_mm256_setzero_ps(); 2]; MR];
		let whole = kc / 4 * 4;
		// SAFETY: every address read lies in the lanes that the caller vouches for; prefetches may point anywhere.
		unsafe {
			for line in (0..whole).step_by(LINE) {
				for g in 0..2 {
					let group = b.add(8 * g * lane);
					for r in 0..8 {
						_mm_prefetch::<_MM_HINT_T0>(group.add(r * lane + line).wrapping_add(AHEAD).cast());
					}
					for p in (line..(line + LINE).min(whole)).step_by(4) {
						// Row r holds four inner indices of lanes r and r + 4.
						let row = |r: usize| {
							let low = group.add(r * lane + p);
							let high = _mm_loadu_ps(low.add(4 * lane));
							_mm256_insertf128_ps::<1>(_mm256_castps128_ps256(_mm_loadu_ps(low)), high)
						};
						let (r0, r1, r2, r3) = (row(0), row(1), row(2), row(3));
						let (low01, high01) = (_mm256_unpacklo_ps(r0, r1), _mm256_unpackhi_ps(r0, r1));
						let (low23, high23) = (_mm256_unpacklo_ps(r2, r3), _mm256_unpackhi_ps(r2, r3));
						let columns = [
							_mm256_shuffle_ps::<0x44>(low01, low23),
							_mm256_shuffle_ps::<0xee>(low01, low23),
							_mm256_shuffle_ps::<0x44>(high01, high23),
							_mm256_shuffle_ps::<0xee>(high01, high23),
						];
						for (i, acc) in acc.iter_mut().enumerate() {
							for (step, column) in columns.iter().enumerate() {
								let a = _mm256_set1_ps(*a.add((p + step) * MR + i));
								acc[g] = _mm256_fmadd_ps(a, *column, acc[g]);
							}
						}
					}
				}
			}
			for p in whole..kc {
				for g in 0..2 {
					let column: [f32; 8] = std::array::from_fn(|j| *b.add((8 * g + j) * lane + p));
					let column = _mm256_loadu_ps(column.as_ptr());
					for (i, acc) in acc.iter_mut().enumerate() {
						acc[g] = _mm256_fmadd_ps(_mm256_set1_ps(*a.add(p * MR + i)), column, acc[g]);
					}
				}
			}
			for (i, acc) in acc.iter().enumerate() {
				_mm256_storeu_ps(tile.add(i * 16), acc[0]);
				_mm256_storeu_ps(tile.add(i * 16 + 8), acc[1]);
			}
		}
	}

	/// Transposes 16 × 16 values: `lanes[lane]` holds inner indices, the result one vector across lanes per inner
	/// index.
	#[inline]
	#[target_feature(enable = "avx512f")]
	fn transposed(lanes: [__m512; 16]) -> [__m512; 16] {
		let mut columns = [_mm512_setzero_ps(); 16];
		// quads[q][c], in its 128-bit quarter l: inner index 4l + c of lanes 4q..4q + 4.
		let mut quads = [[_mm512_setzero_ps(); 4]; 4];
		for q in 0..4 {
			let (r0, r1, r2, r3) = (lanes[4 * q], lanes[4 * q + 1], lanes[4 * q + 2], lanes[4 * q + 3]);
			let (low01, high01) = (_mm512_unpacklo_ps(r0, r1), _mm512_unpackhi_ps(r0, r1));
			let (low23, high23) = (_mm512_unpacklo_ps(r2, r3), _mm512_unpackhi_ps(r2, r3));
			quads[q] = [
				_mm512_shuffle_ps::<0x44>(low01, low23),
				_mm512_shuffle_ps::<0xee>(low01, low23),
				_mm512_shuffle_ps::<0x44>(high01, high23),
				_mm512_shuffle_ps::<0xee>(high01, high23),
			];
		}
		for c in 0..4 {
			let low01 = _mm512_shuffle_f32x4::<0x44>(quads[0][c], quads[1][c]);
			let low23 = _mm512_shuffle_f32x4::<0x44>(quads[2][c], quads[3][c]);
			let high01 = _mm512_shuffle_f32x4::<0xee>(quads[0][c], quads[1][c]);
			let high23 = _mm512_shuffle_f32x4::<0xee>(quads[2][c], quads[3][c]);
			columns[c] = _mm512_shuffle_f32x4::<0x88>(low01, low23);
			columns[4 + c] = _mm512_shuffle_f32x4::<0xdd>(low01, low23);
			columns[8 + c] = _mm512_shuffle_f32x4::<0x88>(high01, high23);
			columns[12 + c] = _mm512_shuffle_f32x4::<0xdd>(high01, high23);
		}
		columns
	}

	/// `tile[i · 32 + j]` = fma chain over p of `a[p · MR + i] · b[j · lane + p]`.
	///
	/// # Safety
	///
	/// `a` must address `kc` × MR values, `b` 32 lanes of `kc` values, `tile` MR × 32 values; the CPU must have
	/// AVX-512F.
	#[target_feature(enable = "avx512f")]
	pub(super) unsafe fn lanes32<const MR: usize>(
		kc: usize,
		a: *const f32,
		b: *const f32,
		lane: usize,
		tile: *mut f32,
	) {
		let mut acc = [[_mm512_setzero_ps(); MR]; 2];
		// Two, but the compiler may not know: unrolled, the loop over groups would spill its sixteen factors.
		let groups = std::hint::black_box(acc.len());
		let whole = kc / LINE * LINE;
		// SAFETY: every address read lies in the lanes that the caller vouches for; prefetches may point anywhere.
		unsafe {
			for line in (0..whole).step_by(LINE) {
				for (g, acc) in acc.iter_mut().enumerate().take(groups) {
					let group = b.add(16 * g * lane + line);
					let mut lanes = [_mm512_setzero_ps(); 16];
					for (r, row) in lanes.iter_mut().enumerate() {
						_mm_prefetch::<_MM_HINT_T0>(group.add(r * lane).wrapping_add(AHEAD).cast());
						*row = _mm512_loadu_ps(group.add(r * lane));
					}
					let columns = transposed(lanes);
					for (i, acc) in acc.iter_mut().enumerate() {
						for (step, column) in columns.iter().enumerate() {
							*acc = _mm512_fmadd_ps(_mm512_set1_ps(*a.add((line + step) * MR + i)), *column, *acc);
						}
					}
				}
			}
			for p in whole..kc {
				for (g, acc) in acc.iter_mut().enumerate() {
					let column: [f32; 16] = std::array::from_fn(|j| *b.add((16 * g + j) * lane + p));
					let column = _mm512_loadu_ps(column.as_ptr());
					for (i, acc) in acc.iter_mut().enumerate() {
						*acc = _mm512_fmadd_ps(_mm512_set1_ps(*a.add(p * MR + i)), column, *acc);
					}
				}
			}
			for (g, acc) in acc.iter().enumerate() {
				for (i, acc) in acc.iter().enumerate() {
					_mm512_storeu_ps(tile.add(i * 32 + g * 16), *acc);
				}
			}
		}
	}
}
