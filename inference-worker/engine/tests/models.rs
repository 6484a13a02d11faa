//! The models beside those of candle-transformers, with the same random weights; and the properties that only ours
//! have: the same bits for any cut of a sequence and any batch.

mod common;

use autonomy_engine::models::blocks::{ResnetBlock2D, ResnetConfig, TimeScaleShift};
use autonomy_engine::models::clip::{ClipTextConfig, ClipTextModel, HiddenActivation};
use autonomy_engine::models::llama::{KvCache, Llama, LlamaConfig, RopeScaling};
use autonomy_engine::models::unet::{UNet2DConditionConfig, UNet2DConditionModel};
use autonomy_engine::models::vae::AutoencoderKl;
use autonomy_engine::nn::{Conv2d, Padding};
use candle_core::{DType, Device, Module, Tensor};
use candle_nn::VarBuilder;
use candle_transformers::models as reference;
use common::*;

const TOLERANCE: f32 = 1e-4;

#[test]
fn clip_should_agree_with_candle_transformers() {
	use reference::clip::text_model::{Activation, ClipTextConfig as Config, ClipTextTransformer};
	let (config, weights) = (clip_config(), RandomWeights::default());
	let ours = ClipTextModel::new(&config, weights.vb()).unwrap();
	let theirs = Config {
		vocab_size: config.vocab_size,
		embed_dim: config.hidden_size,
		activation: Activation::QuickGelu,
		intermediate_size: config.intermediate_size,
		max_position_embeddings: config.max_position_embeddings,
		pad_with: None,
		num_hidden_layers: config.num_hidden_layers,
		num_attention_heads: config.num_attention_heads,
		projection_dim: config.hidden_size,
	};
	let theirs = ClipTextTransformer::new(weights.vb().pp("text_model"), &theirs).unwrap();
	let ids = ids(1, (2, 12), 64);
	let (states, pooled) = ours.forward(&ids).unwrap();
	assert_close(&states, &theirs.forward_with_mask(&ids, usize::MAX).unwrap(), TOLERANCE);
	assert_close(&pooled, &theirs.forward(&ids).unwrap(), TOLERANCE);
}

#[test]
fn clip_should_read_its_tensors_when_transformers_5_saved_them() {
	let weights = RandomWeights::default();
	let before = ClipTextModel::new(&clip_config(), weights.vb()).unwrap();
	let bare = weights.tensors().into_iter().map(|(name, tensor)| (name.replacen("text_model.", "", 1), tensor));
	let vb = VarBuilder::from_tensors(bare.collect(), DType::F32, &Device::Cpu);
	let today = ClipTextModel::new(&clip_config(), vb).unwrap();
	let ids = ids(1, (1, 12), 64);
	assert_eq!(bits(&today.forward(&ids).unwrap().0), bits(&before.forward(&ids).unwrap().0));
}

#[test]
fn clip_should_pool_at_the_first_end_of_text_when_its_id_is_given() {
	let config = ClipTextConfig { eos_token_id: 9, hidden_act: HiddenActivation::Gelu, ..clip_config() };
	let model = ClipTextModel::new(&config, RandomWeights::default().vb()).unwrap();
	let ids = Tensor::new(&[[1u32, 5, 60, 9, 9, 9], [1, 9, 4, 4, 4, 4]], &Device::Cpu).unwrap();
	let (states, pooled) = model.forward(&ids).unwrap();
	for (sample, position) in [(0, 3), (1, 1)] {
		let state = states.get(sample).unwrap().get(position).unwrap();
		assert_eq!(bits(&pooled.get(sample).unwrap()), bits(&state));
	}
	let error = model.forward(&common::ids(1, (1, 13), 64)).unwrap_err().to_string();
	assert!(error.contains("13 tokens, the limit is 12"), "{error}");
}

/// candle-transformers gates by the tanh form of GELU, diffusers by the exact one. With gates this small the two differ
/// by less than the tolerance; the exact form has a test of its own.
fn small_gates(weights: &RandomWeights) -> VarBuilder<'static> {
	let tensors = weights.tensors().into_iter().map(|(name, tensor)| match name.contains("ff.net.0.proj") {
		true => (name, (tensor * 0.1).unwrap()),
		false => (name, tensor),
	});
	VarBuilder::from_tensors(tensors.collect(), DType::F32, &Device::Cpu)
}

fn reference_unet(
	config: &UNet2DConditionConfig,
	vb: VarBuilder,
) -> reference::stable_diffusion::unet_2d::UNet2DConditionModel {
	use reference::stable_diffusion::unet_2d::{BlockConfig, UNet2DConditionModel, UNet2DConditionModelConfig};
	let blocks = config.block_out_channels.iter().zip(&config.down_block_types).map(|(channels, kind)| BlockConfig {
		out_channels: *channels,
		use_cross_attn: (kind == "CrossAttnDownBlock2D").then_some(1),
		attention_head_dim: 4,
	});
	let theirs = UNet2DConditionModelConfig {
		blocks: blocks.collect(),
		norm_num_groups: config.norm_num_groups,
		cross_attention_dim: config.cross_attention_dim,
		use_linear_projection: config.use_linear_projection,
		..Default::default()
	};
	UNet2DConditionModel::new(vb, config.in_channels, config.out_channels, false, theirs).unwrap()
}

#[test]
fn unet_should_agree_with_candle_transformers() {
	for use_linear_projection in [false, true] {
		// Its transformer of the middle block has 32 norm groups, whatever the configuration says.
		let config = UNet2DConditionConfig {
			use_linear_projection,
			block_out_channels: vec![32, 64],
			norm_num_groups: 32,
			..unet_config()
		};
		let weights = RandomWeights::default();
		UNet2DConditionModel::new(&config, weights.vb()).unwrap();
		let vb = small_gates(&weights);
		let ours = UNet2DConditionModel::new(&config, vb.clone()).unwrap();
		let theirs = reference_unet(&config, vb);
		let (sample, states) = (random(2, &[2, 4, 16, 8]), random(3, &[2, 12, 32]));
		let expected = theirs.forward(&sample, 481.0, &states).unwrap();
		assert_close(&ours.forward(&sample, &[481.0; 2], &states, None).unwrap(), &expected, TOLERANCE);
	}
}

#[test]
fn unet_should_give_the_same_bits_when_the_batch_is_larger() {
	let config = UNet2DConditionConfig {
		class_embed_type: Some("projection".into()),
		projection_class_embeddings_input_dim: Some(32),
		resnet_time_scale_shift: TimeScaleShift::ScaleShift,
		..unet_config()
	};
	let model = UNet2DConditionModel::new(&config, RandomWeights::default().vb()).unwrap();
	let (sample, states, class) = (random(2, &[3, 4, 16, 16]), random(3, &[3, 12, 32]), random(4, &[3, 32]));
	let times = [999.0, 500.5, 3.0];
	let together = model.forward(&sample, &times, &states, Some(&class)).unwrap();
	for i in 0..3 {
		let one = |x: &Tensor| x.narrow(0, i, 1).unwrap();
		let alone = model.forward(&one(&sample), &times[i..=i], &one(&states), Some(&one(&class))).unwrap();
		assert_eq!(bits(&alone), bits(&one(&together)), "sample {i}");
	}
	let other = model.forward(&sample, &times, &states, Some(&(class * 0.5).unwrap())).unwrap();
	assert_ne!(bits(&other), bits(&together), "the class vector must matter");
}

#[test]
fn unet_should_name_the_setting_when_it_is_not_supported() {
	let cases: [(UNet2DConditionConfig, &str); 4] = [
		(UNet2DConditionConfig { addition_embed_type: Some("text_time".into()), ..unet_config() }, "text_time"),
		(UNet2DConditionConfig { class_embed_type: Some("timestep".into()), ..unet_config() }, "timestep"),
		(UNet2DConditionConfig { mid_block_type: Some("Other".into()), ..unet_config() }, "Other"),
		(UNet2DConditionConfig { block_out_channels: vec![16], ..unet_config() }, "1 block_out_channels"),
	];
	for (config, needle) in cases {
		let error = UNet2DConditionModel::new(&config, RandomWeights::default().vb()).unwrap_err().to_string();
		assert!(error.contains(needle), "{error}");
	}
	let model = UNet2DConditionModel::new(&unet_config(), RandomWeights::default().vb()).unwrap();
	let error =
		model.forward(&random(1, &[1, 4, 7, 8]), &[1.0], &random(2, &[1, 3, 32]), None).unwrap_err().to_string();
	assert!(error.contains("multiples of 2"), "{error}");
}

/// The block, written out with Candle's own operations.
#[test]
fn residual_block_should_scale_and_shift_as_diffusers_does() {
	for scale_shift in [TimeScaleShift::Default, TimeScaleShift::ScaleShift] {
		let weights = RandomWeights::default();
		let config = ResnetConfig {
			inputs: 8,
			outputs: 12,
			time_channels: Some(16),
			groups: 4,
			eps: 1e-5,
			scale_shift,
			output_scale: 2.0,
		};
		let block = ResnetBlock2D::new(config, weights.vb()).unwrap();
		let (x, time) = (random(1, &[2, 8, 6, 6]), random(2, &[2, 16]));
		let ours = block.forward(&x, Some(&time), Padding::Zeros).unwrap();

		let t = weights.tensors();
		let norm = |name: &str, x: &Tensor| {
			let (weight, bias) = (t[&format!("{name}.weight")].clone(), t[&format!("{name}.bias")].clone());
			candle_nn::GroupNorm::new(weight, bias, x.dim(1).unwrap(), 4, 1e-5).unwrap().forward(x).unwrap()
		};
		let conv = |name: &str, x: &Tensor, padding: usize| {
			let y = x.conv2d(&t[&format!("{name}.weight")], padding, 1, 1, 1).unwrap();
			y.broadcast_add(&t[&format!("{name}.bias")].reshape((1, (), 1, 1)).unwrap()).unwrap()
		};
		let hidden = conv("conv1", &norm("norm1", &x).silu().unwrap(), 1);
		let projected = time.matmul(&t["time_emb_proj.weight"].t().unwrap()).unwrap();
		let projected = projected.broadcast_add(&t["time_emb_proj.bias"]).unwrap();
		let projected = projected.unsqueeze(2).unwrap().unsqueeze(3).unwrap();
		let hidden = match scale_shift {
			TimeScaleShift::Default => norm("norm2", &hidden.broadcast_add(&projected).unwrap()),
			TimeScaleShift::ScaleShift => {
				let parts = projected.chunk(2, 1).unwrap();
				let scaled = norm("norm2", &hidden).broadcast_mul(&(&parts[0] + 1.0).unwrap()).unwrap();
				scaled.broadcast_add(&parts[1]).unwrap()
			}
		};
		let hidden = conv("conv2", &hidden.silu().unwrap(), 1);
		let theirs = ((conv("conv_shortcut", &x, 0) + hidden).unwrap() / 2.0).unwrap();
		assert_close(&ours, &theirs, 1e-5);
	}
}

/// The sum over the kernel, written out, where the input is repeated without end.
fn wrapped_conv(x: &Tensor, weight: &Tensor, bias: &Tensor, stride: usize, padding: usize) -> Tensor {
	let (batch, inputs, h, w) = x.dims4().unwrap();
	let (outputs, _, size, _) = weight.dims4().unwrap();
	let flat = |x: &Tensor| x.flatten_all().unwrap().to_vec1::<f32>().unwrap();
	let (x, weight, bias) = (flat(x), flat(weight), flat(bias));
	let (oh, ow) = ((h + 2 * padding - size) / stride + 1, (w + 2 * padding - size) / stride + 1);
	let mut out = vec![];
	for (b, o) in (0..batch).flat_map(|b| (0..outputs).map(move |o| (b, o))) {
		for (oy, ox) in (0..oh).flat_map(|oy| (0..ow).map(move |ox| (oy, ox))) {
			let mut sum = bias[o];
			for (c, ky) in (0..inputs).flat_map(|c| (0..size).map(move |ky| (c, ky))) {
				for kx in 0..size {
					let (y, x_at) = ((oy * stride + ky + h - padding) % h, (ox * stride + kx + w - padding) % w);
					let tap = weight[((o * inputs + c) * size + ky) * size + kx];
					sum += tap * x[((b * inputs + c) * h + y) * w + x_at];
				}
			}
			out.push(sum);
		}
	}
	Tensor::from_vec(out, (batch, outputs, oh, ow), &Device::Cpu).unwrap()
}

#[test]
fn conv_should_read_the_opposite_edge_when_it_wraps() {
	for (size, stride, padding) in [(3, 1, 1), (3, 2, 1), (5, 1, 2), (1, 1, 0)] {
		let weights = RandomWeights::default();
		let conv = Conv2d::new(3, 4, size, stride, padding, weights.vb()).unwrap();
		let t = weights.tensors();
		let x = random(1, &[2, 3, 6, 8]);
		let ours = conv.forward(&x, Padding::Wrap).unwrap();
		assert_close(&ours, &wrapped_conv(&x, &t["weight"], &t["bias"], stride, padding), 1e-5);
		if stride == 1 {
			// Each output pixel is one chain of products, wherever it lies: a shift changes no bit.
			let shifted = |x: &Tensor| x.roll(2, 2).unwrap().roll(-3, 3).unwrap();
			assert_eq!(bits(&conv.forward(&shifted(&x), Padding::Wrap).unwrap()), bits(&shifted(&ours)));
		}
		if padding == 0 {
			assert_eq!(bits(&conv.forward(&x, Padding::Zeros).unwrap()), bits(&ours));
		}
	}
}

/// The largest difference of two tensors.
fn apart(a: &Tensor, b: &Tensor) -> f32 {
	let differences = (a - b).unwrap().abs().unwrap().flatten_all().unwrap().to_vec1::<f32>().unwrap();
	differences.into_iter().fold(0.0, |most, x| if x > most { x } else { most })
}

/// With wrapped edges a network without positions does not know where its input begins. Sums over all pixels (norms,
/// attention) are added in another order then, so the last bits may differ.
#[test]
fn networks_should_shift_their_output_with_their_input_when_edges_wrap() {
	for downsample_padding in [0, 1] {
		let config = UNet2DConditionConfig { downsample_padding, ..unet_config() };
		let unet = UNet2DConditionModel::new(&config, RandomWeights::default().vb()).unwrap();
		let (sample, states) = (random(2, &[1, 4, 16, 8]), random(3, &[1, 12, 32]));
		// By what the coarsest level sees as one pixel, down, and three of them to the left.
		let shifted = |x: &Tensor| x.roll(2, 2).unwrap().roll(-6, 3).unwrap();
		let run = |x: &Tensor, padding| unet.forward_padded(x, &[481.0], &states, None, padding).unwrap();
		let wrapped = run(&sample, Padding::Wrap);
		assert_close(&run(&shifted(&sample), Padding::Wrap), &shifted(&wrapped), TOLERANCE);
		let zeros = run(&sample, Padding::Zeros);
		assert!(apart(&run(&shifted(&sample), Padding::Zeros), &shifted(&zeros)) > 0.01, "zeros mark the edges");
		assert_eq!(bits(&zeros), bits(&unet.forward(&sample, &[481.0], &states, None).unwrap()));
	}

	let vae = AutoencoderKl::decoder_only(&vae_config(), RandomWeights::default().vb()).unwrap();
	let latents = random(5, &[1, 4, 6, 8]);
	let shifted = |x: &Tensor, by: i32| x.roll(by, 2).unwrap().roll(-3 * by, 3).unwrap();
	let wrapped = vae.decode_scaled(&latents, Padding::Wrap).unwrap();
	assert_eq!(wrapped.dims(), [1, 3, 12, 16]);
	let decoded = vae.decode_scaled(&shifted(&latents, 1), Padding::Wrap).unwrap();
	assert_close(&decoded, &shifted(&wrapped, 2), TOLERANCE);
	assert!(apart(&wrapped, &vae.decode_scaled(&latents, Padding::Zeros).unwrap()) > 0.01);
}

#[test]
fn vae_should_decode_as_candle_transformers() {
	use reference::stable_diffusion::vae::{AutoEncoderKL, AutoEncoderKLConfig};
	let (config, weights) = (vae_config(), RandomWeights::default());
	let ours = AutoencoderKl::new(&config, weights.vb()).unwrap();
	let theirs = AutoEncoderKLConfig {
		block_out_channels: config.block_out_channels.clone(),
		layers_per_block: config.layers_per_block,
		latent_channels: config.latent_channels,
		norm_num_groups: config.norm_num_groups,
		use_quant_conv: true,
		use_post_quant_conv: true,
	};
	let tensors = VarBuilder::from_tensors(weights.tensors(), DType::F32, &Device::Cpu);
	let theirs = AutoEncoderKL::new(tensors, 3, 3, theirs).unwrap();
	let latents = random(5, &[1, 4, 6, 8]);
	let picture = ours.decode(&latents).unwrap();
	assert_eq!(picture.dims(), [1, 3, 12, 16]);
	assert_close(&picture, &theirs.decode(&latents).unwrap(), TOLERANCE);
	let scaled = (latents * config.scaling_factor).unwrap();
	assert_close(&ours.decode_scaled(&scaled, Padding::Zeros).unwrap(), &picture, TOLERANCE);
	assert_eq!(ours.encode_mean(&picture).unwrap().dims(), [1, 4, 6, 8]);
}

#[test]
fn vae_should_read_the_old_names_of_its_attention() {
	let weights = RandomWeights::default();
	let today = AutoencoderKl::new(&vae_config(), weights.vb()).unwrap();
	let renamed = weights.tensors().into_iter().map(|(name, tensor)| {
		let old = [("to_q", "query"), ("to_k", "key"), ("to_v", "value"), ("to_out.0", "proj_attn")];
		let name = old.iter().fold(name, |name, (new, old)| name.replace(new, old));
		// Some of those checkpoints have 1x1 convolutions there.
		match name.ends_with("query.weight") {
			true => (name, tensor.unsqueeze(2).unwrap().unsqueeze(3).unwrap()),
			false => (name, tensor),
		}
	});
	let vb = VarBuilder::from_tensors(renamed.collect(), DType::F32, &Device::Cpu);
	let before = AutoencoderKl::decoder_only(&vae_config(), vb).unwrap();
	let latents = random(5, &[1, 4, 4, 4]);
	assert_eq!(bits(&today.decode(&latents).unwrap()), bits(&before.decode(&latents).unwrap()));
	assert!(before.encode_mean(&random(1, &[1, 3, 8, 8])).unwrap_err().to_string().contains("without its encoder"));
}

#[test]
fn llama_should_agree_with_candle_transformers() {
	use reference::llama::{Cache, Config, Llama as Theirs, Llama3RopeConfig, Llama3RopeType};
	let scaling = RopeScaling {
		rope_type: "llama3".into(),
		factor: 4.0,
		low_freq_factor: 1.0,
		high_freq_factor: 4.0,
		original_max_position_embeddings: Some(48),
		..Default::default()
	};
	for (tied, scaling) in [(false, None), (true, Some(scaling))] {
		let config = LlamaConfig { tie_word_embeddings: tied, rope_scaling: scaling.clone(), ..llama_config() };
		let weights = RandomWeights::default();
		let ours = Llama::new(&config, weights.vb()).unwrap();
		let theirs = Config {
			hidden_size: config.hidden_size,
			intermediate_size: config.intermediate_size,
			vocab_size: config.vocab_size,
			num_hidden_layers: config.num_hidden_layers,
			num_attention_heads: config.num_attention_heads,
			num_key_value_heads: config.kv_heads(),
			use_flash_attn: false,
			rms_norm_eps: config.rms_norm_eps,
			rope_theta: config.rope_theta as f32,
			bos_token_id: None,
			eos_token_id: None,
			rope_scaling: scaling.map(|scaling| Llama3RopeConfig {
				factor: scaling.factor as f32,
				low_freq_factor: scaling.low_freq_factor as f32,
				high_freq_factor: scaling.high_freq_factor as f32,
				original_max_position_embeddings: scaling.original_max_position_embeddings.unwrap(),
				rope_type: Llama3RopeType::Llama3,
			}),
			max_position_embeddings: config.max_position_embeddings,
			tie_word_embeddings: tied,
		};
		let mut cache = Cache::new(false, DType::F32, &theirs, &Device::Cpu).unwrap();
		let theirs = Theirs::load(weights.vb(), &theirs).unwrap();
		let ids = ids(4, (2, 60), 64);
		let logits = ours.forward(&ids).unwrap();
		let last = logits.narrow(1, 59, 1).unwrap().squeeze(1).unwrap();
		assert_close(&last, &theirs.forward(&ids, 0, &mut cache).unwrap(), TOLERANCE);
	}
}

#[test]
fn llama_should_give_the_same_bits_however_the_sequence_is_cut() {
	let model = Llama::new(&llama_config(), RandomWeights::default().vb()).unwrap();
	let ids = ids(6, (1, 90), 64);
	let whole = model.forward(&ids).unwrap();
	for cuts in [vec![1; 90], vec![40, 1, 1, 1, 16, 17, 14], vec![90]] {
		let (mut cache, mut start) = (KvCache::new(), 0);
		for count in cuts {
			let logits = model.forward_cached(&ids.narrow(1, start, count).unwrap(), &mut cache).unwrap();
			start += count;
			let row = whole.narrow(1, start - 1, 1).unwrap();
			assert_eq!(bits(&logits), bits(&row), "after {start} tokens");
		}
		assert_eq!((start, cache.tokens()), (90, 90));
	}
	let mut cache = KvCache::new();
	let error = model.forward_cached(&common::ids(6, (1, 97), 64), &mut cache).unwrap_err().to_string();
	assert!(error.contains("97 tokens") && error.contains("96"), "{error}");
}

#[test]
fn llama_should_name_the_setting_when_it_is_not_supported() {
	let scaling = |kind: &str| serde_json::json!({ "rope_scaling": { "type": kind, "factor": 2.0 } });
	let config: LlamaConfig = serde_json::from_value(scaling("longrope")).unwrap();
	let error = Llama::new(&config, RandomWeights::default().vb()).unwrap_err().to_string();
	assert!(error.contains("longrope"), "{error}");
	let config = LlamaConfig { num_key_value_heads: Some(3), ..llama_config() };
	let error = Llama::new(&config, RandomWeights::default().vb()).unwrap_err().to_string();
	assert!(error.contains("3 key heads do not divide 4"), "{error}");
}
