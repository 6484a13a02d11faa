//! The jobs that are ordered: all of them follow from one number.

use autonomy_primitives::job::{ImageInput, JobInput, TextInput};
use rand_chacha::{
	rand_core::{RngCore, SeedableRng},
	ChaCha8Rng,
};

/// Chance that a number fixes.
pub struct Chance(ChaCha8Rng);

impl Chance {
	/// The `stream`-th chance of a seed; streams do not depend on each other.
	pub fn new(seed: u64, stream: u64) -> Self {
		let mut rng = ChaCha8Rng::seed_from_u64(seed);
		rng.set_stream(stream);
		Self(rng)
	}

	/// A number in `from..to`.
	pub fn range(&mut self, from: u64, to: u64) -> u64 {
		from + self.0.next_u64() % to.saturating_sub(from).max(1)
	}

	fn pick<T: Copy>(&mut self, all: &[T]) -> T {
		all[self.range(0, all.len() as u64) as usize]
	}
}

/// Which demo model a job is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Demo {
	/// Pictures.
	Shapes,
	/// Replies.
	Keeper,
}

impl Demo {
	/// Both, in the order of [`Demo::index`].
	pub const ALL: [Self; 2] = [Self::Shapes, Self::Keeper];

	/// Folder of the model.
	pub fn folder(self) -> &'static str {
		match self {
			Self::Shapes => "shapes",
			Self::Keeper => "keeper",
		}
	}

	/// Its place in [`Demo::ALL`].
	pub fn index(self) -> usize {
		match self {
			Self::Shapes => 0,
			Self::Keeper => 1,
		}
	}
}

/// A job to order. Its seed is the chain's.
#[derive(Clone, PartialEq, Debug)]
pub struct Order {
	/// The model.
	pub model: Demo,
	/// The input.
	pub input: JobInput,
	/// Seats.
	pub k: u8,
	/// Whether it is asked for as a work that is going to be minted.
	pub creation: bool,
}

const SUBJECTS: [&str; 6] =
	["a red circle", "a blue square", "a green triangle", "a yellow star", "two white circles", "a purple ring"];
const GROUNDS: [&str; 4] = ["on a blue background", "on black", "on a white background", "on green"];
const QUESTIONS: [&str; 8] = [
	"who are you?",
	"what do you keep?",
	"tell me a story",
	"what is a chain?",
	"where do you live?",
	"what do you remember?",
	"say something kind",
	"how old are you?",
];

/// `count` jobs: 55 % replies with one to three seats, 30 % pictures with three, 15 % works of either kind.
pub fn orders(seed: u64, count: usize) -> Vec<Order> {
	let mut chance = Chance::new(seed, 1);
	(0..count).map(|_| order(&mut chance)).collect()
}

fn order(chance: &mut Chance) -> Order {
	match chance.range(0, 100) {
		0..55 => Order { model: Demo::Keeper, input: reply(chance), k: chance.pick(&[1, 1, 2, 3]), creation: false },
		55..85 => Order { model: Demo::Shapes, input: picture(chance), k: 3, creation: false },
		85..92 => Order { model: Demo::Keeper, input: reply(chance), k: 3, creation: true },
		_ => Order { model: Demo::Shapes, input: picture(chance), k: 3, creation: true },
	}
}

fn reply(chance: &mut Chance) -> JobInput {
	JobInput::Text(TextInput {
		prompt: text(chance.pick(&QUESTIONS)),
		max_tokens: chance.pick(&[8, 12, 16, 24]),
		temperature_centi: chance.pick(&[0, 70, 100]),
		top_p_permille: chance.pick(&[1000, 900]),
		top_k: 0,
	})
}

fn picture(chance: &mut Chance) -> JobInput {
	let prompt = format!("{} {}", chance.pick(&SUBJECTS), chance.pick(&GROUNDS));
	JobInput::Image(ImageInput {
		prompt: text(&prompt),
		negative_prompt: Default::default(),
		width: 64,
		height: 64,
		steps: chance.pick(&[4, 5, 6]),
		guidance_centi: chance.pick(&[100, 150]),
	})
}

fn text(text: &str) -> autonomy_primitives::job::Prompt {
	text.as_bytes().to_vec().try_into().expect("the prompts above are short")
}

#[cfg(test)]
mod tests {
	use super::*;

	#[test]
	fn orders_should_follow_from_the_seed_alone() {
		assert_eq!(orders(5, 200), orders(5, 200));
		assert_ne!(orders(5, 200), orders(6, 200));
		assert_eq!(orders(5, 12), orders(5, 200)[..12]);
	}

	#[test]
	fn orders_should_be_of_every_kind() {
		let orders = orders(1, 200);
		let count = |kind: &dyn Fn(&Order) -> bool| orders.iter().filter(|order| kind(order)).count();
		for k in 1..=3 {
			assert!(count(&|o| o.model == Demo::Keeper && !o.creation && o.k == k) > 5, "replies with {k} seats");
		}
		assert!(count(&|o| o.model == Demo::Shapes && !o.creation) > 20);
		assert!(count(&|o| o.creation) > 10);
	}
}
