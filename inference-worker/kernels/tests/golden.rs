//! The digest of every operation, as every machine must compute it.
//!
//! A difference is a consensus break: either a defect, or a new version of the specification.

use autonomy_kernels::exactness;
use candle_core::Device;

/// Name and digest of every case; `autonomy-exactness` prints them.
const GOLDEN: &str = include_str!("golden.txt");

#[test]
fn digests_should_be_those_of_every_other_machine() {
	let report = exactness::report().expect("the kernels run");
	let expected: Vec<(String, String)> = GOLDEN
		.lines()
		.filter_map(|line| line.split_once(' '))
		.map(|(digest, name)| (name.to_owned(), digest.to_owned()))
		.filter(|(name, _)| name != "combined")
		.collect();
	assert_eq!(report.lines.len(), expected.len(), "number of cases");
	for (found, expected) in report.lines.iter().zip(&expected) {
		assert_eq!(found, expected);
	}
	assert!(GOLDEN.contains(&format!("{} combined", report.combined())));
}

/// What `tests/cuda.rs` asks of a GPU.
#[test]
fn forward_digests_should_be_the_same_without_gradients() {
	let lines = exactness::forward_report(&Device::Cpu).expect("the kernels run").lines;
	assert_eq!(lines.len(), 44, "number of operations that a GPU has");
	for (name, digest) in lines {
		assert!(GOLDEN.contains(&format!("{digest} {name}\n")), "{name}: {digest}");
	}
}

#[test]
fn digests_should_be_of_values_that_differ() {
	let lines = exactness::report().expect("the kernels run").lines;
	let distinct: std::collections::HashSet<_> = lines.iter().map(|(_, digest)| digest).collect();
	assert_eq!(distinct.len(), lines.len(), "two cases have one digest");
}

#[test]
fn engine_id_should_name_the_committed_specification() {
	const ENGINE_ID: &str = "ef91ecf64e59a5d490bb180755913e05cae2dca676d8f15e8807408ebec00a78";
	assert_eq!(hex::encode(autonomy_kernels::engine_id()), ENGINE_ID);
}
