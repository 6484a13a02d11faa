//! Wrong arguments are refused with the operation and the shapes.

mod common;

use autonomy_kernels as kernels;
use candle_core::{DType, Device, Result, Tensor};
use common::{ids, noise};

fn refused(result: Result<Tensor>, words: &[&str]) {
	let message = result.expect_err("wrong arguments").to_string();
	for word in words {
		assert!(message.contains(word), "{message:?} does not name {word:?}");
	}
}

#[test]
fn operations_should_name_the_shapes_when_they_do_not_fit() {
	let (a, b) = (noise("a", &[3, 4]), noise("b", &[5, 6]));
	refused(kernels::matmul(&a, &b), &["matmul", "[3, 4]", "[5, 6]"]);
	refused(kernels::matmul(&noise("v", &[4]), &b), &["matmul", "[4]"]);
	refused(kernels::linear(&a, &b, None), &["linear", "[3, 4]", "[5, 6]"]);
	refused(kernels::linear(&a, &noise("w", &[2, 4]), Some(&noise("bias", &[3]))), &["linear", "bias", "[3]", "[2]"]);
	let x = noise("x", &[1, 4, 5, 5]);
	refused(kernels::conv2d(&x, &noise("w", &[2, 3, 3, 3]), None, 1, 1), &["conv2d", "4 channels", "3"]);
	refused(kernels::conv2d(&x, &noise("w", &[2, 4, 7, 7]), None, 1, 0), &["conv2d", "7×7"]);
	refused(kernels::conv2d(&x, &noise("w", &[2, 4, 3, 3]), None, 0, 1), &["conv2d", "stride"]);
	refused(kernels::conv2d(&a, &noise("w", &[2, 4, 3, 3]), None, 1, 1), &["conv2d", "four dimensions"]);
	refused(kernels::group_norm(&x, &noise("w", &[4]), &noise("b", &[4]), 3, 1e-5), &["group_norm", "3 groups"]);
	refused(kernels::group_norm(&x, &noise("w", &[5]), &noise("b", &[4]), 2, 1e-5), &["weight", "[5]", "[4]"]);
	refused(kernels::layer_norm(&a, &noise("w", &[3]), &noise("b", &[4]), 1e-5), &["layer_norm", "weight", "[3]"]);
	refused(kernels::rms_norm(&a, &noise("w", &[3]), 1e-5), &["rms_norm", "[3]"]);
	refused(kernels::add_bias(&a, &noise("b", &[3])), &["add_bias", "[3]", "[4]"]);
	refused(kernels::channel_affine(&x, &noise("s", &[1, 4]), &noise("t", &[1, 3])), &["shift", "[1, 3]", "[1, 4]"]);
	refused(kernels::upsample_nearest2x(&a), &["upsample_nearest2x", "[3, 4]"]);
	refused(kernels::mse_loss(&a, &b, None), &["mse_loss", "[3, 4]", "[5, 6]"]);
}

#[test]
fn attention_should_refuse_heads_and_positions_that_do_not_fit() {
	let (q, k, v) = (noise("q", &[1, 3, 4, 8]), noise("k", &[1, 2, 4, 8]), noise("v", &[1, 2, 4, 8]));
	refused(kernels::attention(&q, &k, &v, 1.0, None), &["attention", "[1, 3, 4, 8]", "[1, 2, 4, 8]"]);
	let q = noise("q", &[1, 2, 4, 8]);
	refused(kernels::attention(&q, &k, &v, 1.0, Some(1)), &["4 queries", "position 1", "4 keys"]);
	let angles = noise("angles", &[4, 3]);
	refused(kernels::rope(&q, &angles, &angles), &["rope", "[4, 3]", "[4, 4]"]);
}

#[test]
fn operations_should_refuse_empty_tensors_and_other_types() -> Result<()> {
	let empty = Tensor::zeros((0, 4), DType::F32, &Device::Cpu)?;
	refused(kernels::silu(&empty), &["silu", "no elements", "[0, 4]"]);
	refused(kernels::linear(&empty, &noise("w", &[2, 4]), None), &["linear", "no elements"]);
	refused(kernels::sum_all(&empty), &["sum_all", "no elements"]);
	let wide = noise("x", &[2, 4]).to_dtype(DType::F64)?;
	refused(kernels::softmax(&wide), &["softmax", "F64", "f32"]);
	refused(kernels::matmul(&noise("x", &[2, 4]), &wide.t()?), &["matmul", "F64"]);
	Ok(())
}

#[test]
fn indices_should_be_refused_when_they_are_out_of_range() -> Result<()> {
	let table = noise("table", &[5, 2]);
	refused(kernels::embedding(&ids(&[1, 5], &[2]), &table), &["index 5", "5 rows"]);
	refused(kernels::embedding(&noise("x", &[2]), &table), &["embedding", "U32"]);
	let logits = noise("logits", &[2, 3]);
	refused(kernels::cross_entropy(&logits, &ids(&[1, 3], &[2]), None), &["target 3", "row 1", "3 classes"]);
	refused(kernels::cross_entropy(&logits, &ids(&[9, 9], &[2]), Some(9)), &["ignored"]);
	refused(kernels::cross_entropy(&logits, &ids(&[1], &[1]), None), &["cross_entropy", "targets"]);
	Ok(())
}

#[test]
fn init_should_hold_candle_at_one_thread_and_the_engine_id_should_follow_the_specification() {
	kernels::init();
	assert_eq!(std::env::var("CANDLE_NUM_THREADS").as_deref(), Ok("1"));
	assert_eq!(kernels::engine_id(), kernels::engine_id());
	assert!(kernels::SPECIFICATION.contains("512"));
}
