use autonomy_engine::exactness::*;
use autonomy_engine::models::unet::*;
use autonomy_engine::models::llama::*;
use candle_core::*;
fn main() {
	autonomy_kernels::init();
	for ch in [vec![64usize, 128], vec![48, 96], vec![96, 160]] {
		let c = UNet2DConditionConfig { in_channels: 48, out_channels: 48, block_out_channels: ch.clone(), down_block_types: vec!["DownBlock2D".into(), "CrossAttnDownBlock2D".into()], up_block_types: vec!["UpBlock2D".into(), "UpBlock2D".into()], layers_per_block: PerBlock::One(1), norm_num_groups: 8, cross_attention_dim: 64, attention_head_dim: PerBlock::One(4), class_embed_type: Some("projection".into()), projection_class_embeddings_input_dim: Some(64), resnet_time_scale_shift: autonomy_engine::models::blocks::TimeScaleShift::ScaleShift, use_linear_projection: true, ..Default::default() };
		let w = RandomWeights::default();
		let m = UNet2DConditionModel::new(&c, w.vb()).unwrap();
		let n: usize = w.tensors().values().map(|t| t.elem_count()).sum();
		let x = Tensor::ones((2, 48, 16, 16), DType::F32, &Device::Cpu).unwrap();
		let s = Tensor::ones((2, 16, 64), DType::F32, &Device::Cpu).unwrap();
		let l = Tensor::ones((2, 64), DType::F32, &Device::Cpu).unwrap();
		let mut best = f64::MAX;
		for _ in 0..20 { let t = std::time::Instant::now(); m.forward(&x, &[500.0; 2], &s, Some(&l)).unwrap(); best = best.min(t.elapsed().as_secs_f64()); }
		println!("unet {ch:?} {n} params: {:.1} ms per guided step", best * 1e3);
	}
	let c = LlamaConfig { vocab_size: 1024, hidden_size: 192, intermediate_size: 512, num_hidden_layers: 4, num_attention_heads: 6, tie_word_embeddings: true, max_position_embeddings: 256, ..Default::default() };
	let m = Llama::new(&c, RandomWeights::default().vb()).unwrap();
	let mut cache = KvCache::new();
	let t = std::time::Instant::now();
	for i in 0..128 { m.forward_cached(&Tensor::new(&[[i as u32]], &Device::Cpu).unwrap(), &mut cache).unwrap(); }
	println!("llama {:.2} ms per token", t.elapsed().as_secs_f64() * 1e3 / 128.0);
}
