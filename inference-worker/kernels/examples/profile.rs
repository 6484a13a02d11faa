use autonomy_kernels as kn;
use candle_core::{Device, Tensor, Var};
#[repr(C)] struct Ts { s: i64, n: i64 }
extern "C" { fn clock_gettime(c: i32, t: *mut Ts) -> i32; }
fn cpu() -> f64 { let mut t = Ts { s: 0, n: 0 }; unsafe { clock_gettime(2, &mut t) }; t.s as f64 + t.n as f64 * 1e-9 }
fn best(mut f: impl FnMut()) -> f64 {
	let mut b = f64::MAX;
	for _ in 0..9 { let s = cpu(); f(); b = b.min(cpu() - s); }
	b
}
fn main() -> candle_core::Result<()> {
	kn::init();
	println!("{:?} threads {}", kn::isa(), rayon::current_num_threads());
	let n = kn::rng::Noise::new([1; 32]);
	for (b, ci, co, hw, k, s) in [(16usize, 64usize, 64usize, 16usize, 3usize, 1usize), (32, 64, 64, 16, 3, 1), (16, 128, 128, 8, 3, 1), (32, 128, 128, 8, 3, 1), (32, 128, 128, 16, 3, 1), (32, 64, 64, 32, 3, 1), (32, 3, 64, 32, 3, 1), (32, 64, 3, 32, 3, 1), (32,192,64,16,3,1),(32, 192, 128, 8, 1, 1), (32, 64, 64, 32, 3, 2), (32,128,128,4,3,1), (1, 320, 320, 64, 3, 1), (1, 1280, 1280, 16, 3, 1)] {
		let x = Var::from_tensor(&n.normal_tensor(0, (b, ci, hw, hw))?)?;
		let w = Var::from_tensor(&n.normal_tensor(1, (co, ci, k, k))?)?;
		let f = best(|| { kn::conv2d(&x.detach(), &w.detach(), None, s, k / 2).unwrap(); });
		let fx = best(|| { let y = kn::conv2d(x.as_tensor(), &w.detach(), None, s, k / 2).unwrap(); y.backward().unwrap(); });
		let fw = best(|| { let y = kn::conv2d(&x.detach(), w.as_tensor(), None, s, k / 2).unwrap(); y.backward().unwrap(); });
		let fl = 2.0 * (b * ci * co * (hw / s) * (hw / s) * k * k) as f64 / 1e9;
		println!("conv b{b} {ci}->{co} {hw}x{hw} k{k} s{s}: fwd {:.2} ms {:.0} GF/s | dx {:.2} ms {:.0} | dw {:.2} ms {:.0}", f * 1e3, fl / f, (fx - f) * 1e3, fl / (fx - f), (fw - f) * 1e3, fl / (fw - f));
	}
	for (m, k, nn) in [(4096usize, 320usize, 320usize), (4096, 320, 2560), (1024, 640, 640), (256, 1280, 1280), (77, 768, 768), (512, 192, 768), (1024, 192, 192), (32, 128, 256), (8, 2048, 2048), (1, 2048, 2048), (1, 2048, 8192), (512, 2048, 2048)] {
		let x = n.normal_tensor(0, (m, k))?; let w = n.normal_tensor(1, (nn, k))?;
		let wt = w.t()?;
		let f = best(|| { kn::linear(&x, &w, None).unwrap(); });
		let c = best(|| { x.matmul(&wt).unwrap(); });
		let fl = 2.0 * (m * k * nn) as f64 / 1e9;
		println!("linear {m}x{k}x{nn}: {:.3} ms {:.1} GF/s  candle {:.3} ms  x{:.2}", f * 1e3, fl / f, c * 1e3, c / f);
	}
	for (h, l, lk, d) in [(8usize, 4096usize, 4096usize, 40usize), (8, 4096, 77, 40), (8, 1024, 1024, 80), (8, 128, 128, 32), (32, 64, 64, 32), (32, 1, 1024, 64)] {
		let q = Var::from_tensor(&n.normal_tensor(0, (1, h, l, d))?)?; let k = n.normal_tensor(1, (1, h, lk, d))?; let v = n.normal_tensor(2, (1, h, lk, d))?;
		let f = best(|| { kn::attention(&q.detach(), &k, &v, 0.2, None).unwrap(); });
		let fl = 4.0 * (h * l * lk * d) as f64 / 1e9;
		let bk = if l <= 1024 { best(|| { kn::attention(q.as_tensor(), &k, &v, 0.2, None).unwrap().backward().unwrap(); }) - f } else { 0.0 };
		println!("attention {h}h {l}x{lk} d{d}: {:.2} ms {:.1} GF/s bwd {:.2} ms", f * 1e3, fl / f, bk * 1e3);
	}
	let x = Var::from_tensor(&n.normal_tensor(0, (32, 64, 32, 32))?)?;
	let (w, b) = (n.normal_tensor(1, 64)?, n.normal_tensor(2, 64)?);
	let el = x.elem_count() as f64;
	macro_rules! ew { ($n:expr, $f:expr) => {{ let f = best(|| { $f(&x.detach()); }); let g = best(|| { let y: Tensor = $f(x.as_tensor()); y.backward().unwrap(); }) - f; println!("{}: fwd {:.2} bwd {:.2} ns/el", $n, f / el * 1e9, g / el * 1e9); }} }
	ew!("group_norm", |x: &Tensor| kn::group_norm(x, &w, &b, 8, 1e-5).unwrap());
	ew!("silu", |x: &Tensor| kn::silu(x).unwrap());
	ew!("gelu_erf", |x: &Tensor| kn::gelu_erf(x).unwrap());
	ew!("gelu_tanh", |x: &Tensor| kn::gelu_tanh(x).unwrap());
	ew!("exp", |x: &Tensor| kn::exp(x).unwrap());
	ew!("softmax", |x: &Tensor| kn::softmax(x).unwrap());
	ew!("layer_norm", |x: &Tensor| { let x = x.reshape((32 * 1024, 64)).unwrap(); kn::layer_norm(&x, &w, &b, 1e-5).unwrap() });
	ew!("upsample", |x: &Tensor| kn::upsample_nearest2x(x).unwrap());
	let _ = Device::Cpu;
	Ok(())
}
