//! The model architectures, with the configuration files and tensor names of diffusers and transformers.
//!
//! All arithmetic goes through `autonomy-kernels`, so outputs have the same bits on every CPU, for any number of
//! threads and for any batch; every model can be trained, because every kernel has a gradient.

pub mod blocks;
pub mod clip;
pub mod llama;
pub mod unet;
pub mod vae;
