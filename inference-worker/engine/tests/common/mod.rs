//! Helpers of the tests; the models are those of [`autonomy_engine::exactness`].
#![allow(dead_code)]

use autonomy_engine::digest::cid_text;
pub use autonomy_engine::exactness::*;
use autonomy_kernels::rng::Noise;
use autonomy_primitives::digest::cid;
use candle_core::{Device, Tensor};

pub fn random(seed: u8, shape: &[usize]) -> Tensor {
	Noise::new([seed; 32]).normal_tensor(7, shape).unwrap()
}

pub fn ids(seed: u8, shape: (usize, usize), vocab: u32) -> Tensor {
	let ids = Noise::new([seed; 32]).bits(8, 0, shape.0 * shape.1).into_iter().map(|bits| bits % vocab).collect();
	Tensor::from_vec(ids, shape, &Device::Cpu).unwrap()
}

/// Values as their bits, named by the CID of the bytes so that a failed comparison prints one line.
pub fn bits(x: &Tensor) -> String {
	let values = x.flatten_all().unwrap().to_vec1::<f32>().unwrap();
	let bytes: Vec<u8> = values.into_iter().flat_map(f32::to_le_bytes).collect();
	cid_text(&cid(&bytes))
}

pub fn assert_close(ours: &Tensor, theirs: &Tensor, tolerance: f32) {
	assert_eq!(ours.dims(), theirs.dims());
	let flat = |x: &Tensor| x.flatten_all().unwrap().to_vec1::<f32>().unwrap();
	let (ours, theirs) = (flat(ours), flat(theirs));
	let spread = theirs.iter().fold(0f32, |most, x| if x.abs() > most { x.abs() } else { most });
	assert!(spread > 0.05, "outputs of at most {spread} show nothing");
	for (i, (a, b)) in ours.iter().zip(&theirs).enumerate() {
		assert!((a - b).abs() < tolerance, "element {i}: {a} and {b}");
	}
}
