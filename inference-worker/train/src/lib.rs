//! Training: of the models that ship with Autonomy, from their recipes, and of any model on a creator's data.
//!
//! A recipe decides every bit of the weights it gives: the data are generated from its seed, every kernel is exact, and
//! no random number depends on time, threads or the machine. Running a recipe again reproduces the shipped files; a run
//! that was stopped and resumed gives the same files as one that was not. [`finetune`] trains existing models.

pub mod council;
mod dialogue;
mod draws;
pub mod finetune;
mod image;
mod optimiser;
mod run;
pub mod shapes;
pub mod sheet;
mod store;
mod text;

pub use dialogue::{Exchange, Grammar};
pub use draws::Draws;
pub use image::{alphas_cumprod, first_prompts, prompt_tokenizer, train_image, train_image_with, ImageRecipe};
pub use optimiser::{phase_at, AdamW, OptimiserConfig, Phase};
pub use run::{checkpoint_path, Options, Outcome, Progress};
pub use store::VarStore;
pub use text::{ask, corpus, format, held_out_ballots, train_text, train_text_with, train_tokenizer, TextRecipe};
