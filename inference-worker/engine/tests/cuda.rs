//! Pipelines on a GPU give the bytes that they give on the CPU. Needs the feature `cuda` and a GPU.
#![cfg(feature = "cuda")]

mod common;

use autonomy_engine::Engine;
use candle_core::Device;
use common::*;

fn gpu() -> Device {
	Device::new_cuda_with_stream(0).expect("a GPU")
}

#[test]
fn pipelines_should_have_the_digests_of_the_cpu() {
	assert_eq!(report_on(&gpu()).unwrap(), report().unwrap());
}

#[test]
fn shaped_pipelines_should_have_the_digests_of_the_cpu() {
	assert_eq!(shaped_report_on(&gpu()).unwrap(), shaped_report().unwrap());
}

#[test]
fn shipped_models_should_have_their_golden_digests() {
	for name in ["shapes", "keeper", "council"] {
		let folder = format!("../models/{name}");
		let model = Engine::open_on(&folder, &gpu()).unwrap();
		model.check_golden().unwrap();
		let here = Engine::open(&folder).unwrap();
		assert_eq!(golden_report(&model).unwrap(), golden_report(&here).unwrap(), "{name}");
	}
}
