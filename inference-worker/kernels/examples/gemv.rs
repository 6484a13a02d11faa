use autonomy_kernels as kn;
#[repr(C)] struct Ts { s: i64, n: i64 }
extern "C" { fn clock_gettime(c: i32, t: *mut Ts) -> i32; }
fn cpu() -> f64 { let mut t = Ts { s: 0, n: 0 }; unsafe { clock_gettime(2, &mut t) }; t.s as f64 + t.n as f64 * 1e-9 }
fn best(mut f: impl FnMut()) -> f64 { let mut b = f64::MAX; for _ in 0..15 { let s = cpu(); f(); b = b.min(cpu() - s); } b }
fn main() -> candle_core::Result<()> {
	kn::init();
	let n = kn::rng::Noise::new([1; 32]);
	for (m, k, nn) in [(1usize, 192, 768), (1, 768, 768), (1usize, 2048usize, 2048usize), (1, 2080, 2048), (1, 2048, 8192), (1, 8192, 2048), (4, 2048, 2048), (8, 2048, 2048), (16, 2048, 2048)] {
		let x = n.normal_tensor(0, (m, k))?; let w = n.normal_tensor(1, (nn, k))?;
		let wt = w.t()?;
		let f = best(|| { kn::linear(&x, &w, None).unwrap(); });
		let c = best(|| { x.matmul(&wt).unwrap(); });
		println!("linear {m}x{k}x{nn}: {:.3} ms {:.3} ns/weight  candle {:.3} ms  x{:.2}", f * 1e3, f / (k * nn) as f64 * 1e9, c * 1e3, c / f);
	}
	Ok(())
}
