//! Pipelines with every layer of Stable Diffusion 1.5 and of a Llama with a billion parameters.

mod common;

use autonomy_kernels::{isa, with_isa, Isa};
use common::*;

#[test]
fn shaped_pipelines_should_not_depend_on_threads_or_the_instruction_set() {
	let on = |threads: usize| {
		let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
		pool.install(|| shaped_report().unwrap())
	};
	let one = on(1);
	assert_eq!(one.len(), 6);
	for (name, digest) in &one {
		assert_eq!(digest.len(), 64, "{name}");
	}
	assert_eq!(on(2), one);
	assert_eq!(on(5), one);
	assert_eq!(with_isa(Isa::Scalar, || on(2)), Some(one.clone()));
	if isa() == Isa::Avx512 {
		assert_eq!(with_isa(Isa::Avx2, || on(2)), Some(one));
	}
}
