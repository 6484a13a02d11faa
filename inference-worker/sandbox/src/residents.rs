//! Which models stay in memory, and which one goes when there is no room for another.
//!
//! This is the rule alone: whoever opens and closes models asks it before and tells it after. Guarantee: a model that is
//! pinned is never closed, what was not used for longest goes first, and nothing is closed for a model that cannot fit. A model
//! whose run was killed for its memory beside others runs without them from then on.

use std::collections::{HashMap, HashSet};

use autonomy_primitives::Digest;

use crate::memory::mib;

/// Models whose size is remembered. Evaluations name ever new ones.
const MOST_MEASURED: usize = 4096;

/// A model that is ready to run.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ResidentModel {
	/// Root over its weights.
	pub weights_root: Digest,
	/// Its name, as its manifest has it: a stranger's words.
	pub name: String,
	/// Bytes that opening it took.
	pub bytes: u64,
	/// Whether a run needs it now.
	pub in_use: bool,
}

/// The models that are ready to run.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Residency {
	/// The models, in the order in which they were last used, the newest first.
	pub models: Vec<ResidentModel>,
	/// Bytes that they may take together.
	pub limit: u64,
}

impl Residency {
	/// Bytes that the models take together.
	pub fn bytes(&self) -> u64 {
		self.models.iter().fold(0, |sum: u64, model| sum.saturating_add(model.bytes))
	}
}

/// A model that finds no room, whatever else is closed.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error(
	"the model takes {} of memory{}, compute.resident_memory is {}; raise it, which compute.memory_limit bounds, or leave the model",
	mib(*.need),
	alongside(*.beside),
	mib(*.budget)
)]
pub struct TooLarge {
	/// Bytes that the model takes: as measured, or those of its files of weights before it was ever opened.
	pub need: u64,
	/// Bytes of the models that the same run needs.
	pub beside: u64,
	/// Bytes for all models together.
	pub budget: u64,
}

fn alongside(bytes: u64) -> String {
	match bytes {
		0 => String::new(),
		bytes => format!(" beside {} that the same run needs", mib(bytes)),
	}
}

/// What comes next on the way to a model that is open within the budget.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Room {
	/// Nothing: there is room.
	There,
	/// This model is to be closed, and the question asked again.
	Close(Digest),
	/// Closing models does not help: what the process holds beside them goes back with its end alone.
	Renew,
	/// There is no way.
	Refused(TooLarge),
}

struct Open {
	name: String,
	bytes: u64,
	/// When it was last used, by the clock.
	used: u64,
}

/// The models that are open, and what is known of the others.
pub struct Residents {
	budget: u64,
	/// Counts uses.
	clock: u64,
	open: HashMap<Digest, Open>,
	pinned: HashSet<Digest>,
	/// Bytes that opening a model took, the most of all times.
	measured: HashMap<Digest, u64>,
	/// Models a run of which did not find enough memory beside others.
	crowded: HashSet<Digest>,
	/// Whether nothing was closed and nothing was run since the process began, so that its memory is that of its models.
	clean: bool,
}

impl Residents {
	/// No model, with so many bytes for those to come.
	pub fn new(budget: u64) -> Self {
		Self {
			budget,
			clock: 0,
			open: HashMap::new(),
			pinned: HashSet::new(),
			measured: HashMap::new(),
			crowded: HashSet::new(),
			clean: true,
		}
	}

	/// Keeps these models from being closed, open or not, and no others any more.
	pub fn pin(&mut self, models: impl IntoIterator<Item = Digest>) {
		self.pinned = models.into_iter().collect();
	}

	/// Whether a model is open. If so, it counts as used.
	pub fn touch(&mut self, model: &Digest) -> bool {
		let Some(open) = self.open.get_mut(model) else { return false };
		self.clock += 1;
		open.used = self.clock;
		true
	}

	/// Bytes that a model takes: as measured, or `files`, the bytes of its files of weights, until it was opened once.
	pub fn estimate(&self, model: &Digest, files: u64) -> u64 {
		self.measured.get(model).copied().unwrap_or(files)
	}

	/// What is to be done before a model is opened, in a process that uses so many bytes.
	pub fn room(&self, model: &Digest, files: u64, used: u64) -> Room {
		self.next(model, Some(self.estimate(model, files)), used)
	}

	/// A model was opened, by which the process grew by so many bytes.
	pub fn opened(&mut self, model: Digest, name: String, grown: u64) {
		let bytes = self.learn(model, grown);
		self.clock += 1;
		self.open.insert(model, Open { name, bytes, used: self.clock });
	}

	/// What is to be done after a model was opened, in a process that uses so many bytes. One that is refused is to be closed.
	pub fn settled(&mut self, model: &Digest, used: u64) -> Room {
		let next = self.next(model, None, used);
		if let Room::Refused(TooLarge { need, beside: 0, .. }) = next {
			self.learn(*model, need);
		}
		next
	}

	/// A model was closed.
	pub fn closed(&mut self, model: &Digest) {
		self.open.remove(model);
		self.clean = false;
	}

	/// A run of a model was killed for its memory. If others were open that it does not need, they are in its way from now on.
	pub fn killed(&mut self, model: &Digest) {
		if self.oldest(model).is_none() {
			return;
		}
		if self.crowded.len() >= MOST_MEASURED {
			self.crowded.clear();
		}
		self.crowded.insert(*model);
	}

	/// A model that is to be closed before a run of another one, which did not find enough memory beside others.
	pub fn in_the_way(&self, model: &Digest) -> Option<Digest> {
		self.oldest(model).filter(|_| self.crowded.contains(model))
	}

	/// A run is over. What it took may not all have gone back.
	pub fn ran(&mut self) {
		self.clean = false;
	}

	/// The process is gone, with every model.
	pub fn cleared(&mut self) {
		self.open.clear();
		self.clean = true;
	}

	/// Bytes of the models that are open.
	pub fn bytes(&self) -> u64 {
		self.open.values().fold(0, |sum: u64, open| sum.saturating_add(open.bytes))
	}

	/// The models that are open.
	pub fn residency(&self) -> Residency {
		let mut open: Vec<_> = self.open.iter().collect();
		open.sort_by_key(|(_, open)| std::cmp::Reverse(open.used));
		let models = open.into_iter().map(|(root, open)| ResidentModel {
			weights_root: *root,
			name: open.name.clone(),
			bytes: open.bytes,
			in_use: self.pinned.contains(root),
		});
		Residency { models: models.collect(), limit: self.budget }
	}

	/// Sets the gauges.
	pub fn publish(&self) {
		metrics::gauge!("autonomy_resident_models").set(self.open.len() as f64);
		metrics::gauge!("autonomy_resident_bytes").set(self.bytes() as f64);
		metrics::gauge!("autonomy_resident_limit_bytes").set(self.budget as f64);
	}

	/// With an estimate of a model that is not open yet.
	fn next(&self, model: &Digest, estimate: Option<u64>, used: u64) -> Room {
		let budget = self.budget;
		let need = estimate.or_else(|| self.open.get(model).map(|open| open.bytes)).unwrap_or_default();
		let pinned = self.open.iter().filter(|(root, _)| *root != model && self.pinned.contains(*root));
		let beside = pinned.fold(0, |sum: u64, (_, open)| sum.saturating_add(open.bytes));
		if beside.saturating_add(need) > budget {
			return Room::Refused(TooLarge { need, beside, budget });
		}
		if used.saturating_add(estimate.unwrap_or_default()) <= budget {
			return Room::There;
		}
		if let Some(oldest) = self.oldest(model) {
			return Room::Close(oldest);
		}
		match estimate {
			_ if !self.clean => Room::Renew,
			// What the process takes without a model is in the way. Whether that is too much, only opening it shows.
			Some(_) => Room::There,
			None => Room::Refused(TooLarge { need: used.saturating_sub(beside), beside, budget }),
		}
	}

	/// Of the models but one that no run needs, the one that was not used for longest.
	fn oldest(&self, but: &Digest) -> Option<Digest> {
		let free = self.open.iter().filter(|(root, _)| *root != but && !self.pinned.contains(*root));
		free.min_by_key(|(_, open)| open.used).map(|(root, _)| *root)
	}

	fn learn(&mut self, model: Digest, bytes: u64) -> u64 {
		if self.measured.len() >= MOST_MEASURED && !self.measured.contains_key(&model) {
			let open = &self.open;
			self.measured.retain(|root, _| open.contains_key(root));
		}
		// What a process had free already makes an opening look cheap, so that a later measurement may only raise it.
		let known = self.measured.entry(model).or_default();
		*known = bytes.max(*known);
		*known
	}
}

#[cfg(test)]
mod tests {
	use proptest::prelude::*;

	use super::*;

	fn root(n: u8) -> Digest {
		[n; 32]
	}

	/// Models 1, 2, … of these bytes, opened in this order.
	fn residents(budget: u64, bytes: &[u64]) -> Residents {
		let mut residents = Residents::new(budget);
		for (n, bytes) in (1..).zip(bytes) {
			residents.opened(root(n), format!("model {n}"), *bytes);
		}
		residents
	}

	#[test]
	fn oldest_should_be_closed_when_there_is_no_room() {
		let mut residents = residents(100, &[30, 30, 30]);
		assert_eq!(residents.room(&root(9), 10, 90), Room::There);
		assert_eq!(residents.room(&root(9), 11, 90), Room::Close(root(1)));
		assert!(residents.touch(&root(1)) && !residents.touch(&root(9)));
		assert_eq!(residents.room(&root(9), 40, 90), Room::Close(root(2)));
		residents.closed(&root(2));
		assert_eq!(residents.room(&root(9), 40, 60), Room::There);
		let names: Vec<_> = residents.residency().models.into_iter().map(|model| model.name).collect();
		assert_eq!(names, ["model 1", "model 3"]);
		assert_eq!((residents.bytes(), residents.residency().bytes()), (60, 60));
	}

	#[test]
	fn model_should_stay_when_a_run_needs_it() {
		let mut residents = residents(100, &[40, 40]);
		residents.pin([root(1), root(9)]);
		assert_eq!(residents.room(&root(9), 50, 80), Room::Close(root(2)));
		residents.closed(&root(2));
		assert_eq!(residents.room(&root(9), 60, 40), Room::There);
		let used: Vec<_> = residents.residency().models.iter().map(|model| model.in_use).collect();
		assert_eq!(used, [true]);
		// Not even the last one goes for a model that cannot be had beside it.
		let refused = TooLarge { need: 61, beside: 40, budget: 100 };
		assert_eq!(residents.room(&root(9), 61, 40), Room::Refused(refused.clone()));
		assert!(refused.to_string().contains("beside 0.0 MiB that the same run needs"), "{refused}");
		residents.pin([]);
		assert_eq!(residents.room(&root(9), 61, 40), Room::Close(root(1)));
	}

	#[test]
	fn model_should_be_refused_when_it_can_never_fit() {
		let mut residents = residents(3 << 20, &[1 << 20]);
		let Room::Refused(refused) = residents.room(&root(9), 5 << 20, 1 << 20) else { panic!("there was room") };
		let expected = "the model takes 5.0 MiB of memory, compute.resident_memory is 3.0 MiB; raise it, which \
			compute.memory_limit bounds, or leave the model";
		assert_eq!(refused.to_string(), expected);
		// The others were left alone. What was measured once counts instead of its files.
		assert!(residents.touch(&root(1)));
		residents.closed(&root(1));
		assert_eq!(residents.room(&root(1), 5 << 20, 0), Room::There);
		assert_eq!(residents.estimate(&root(1), 5 << 20), 1 << 20);
	}

	#[test]
	fn measurement_should_only_grow_when_a_model_is_opened_again() {
		let mut residents = residents(100, &[30]);
		residents.closed(&root(1));
		residents.opened(root(1), String::new(), 2);
		assert_eq!(residents.bytes(), 30);
		residents.opened(root(1), String::new(), 35);
		assert_eq!((residents.bytes(), residents.estimate(&root(1), 90)), (35, 35));
	}

	#[test]
	fn model_should_go_again_when_it_turned_out_too_large() {
		let mut residents = Residents::new(100);
		assert_eq!(residents.room(&root(1), 20, 3), Room::There);
		residents.opened(root(1), String::new(), 98);
		// With what the process takes without it.
		let refused = Room::Refused(TooLarge { need: 101, beside: 0, budget: 100 });
		assert_eq!(residents.settled(&root(1), 101), refused);
		residents.closed(&root(1));
		assert_eq!(residents.room(&root(1), 20, 3), refused);
	}

	#[test]
	fn process_should_be_renewed_when_its_memory_does_not_go_back() {
		let mut residents = residents(100, &[30, 30]);
		residents.closed(&root(1));
		residents.closed(&root(2));
		assert_eq!(residents.room(&root(3), 60, 50), Room::Renew);
		residents.cleared();
		assert_eq!(residents.room(&root(3), 60, 3), Room::There);
		residents.opened(root(3), String::new(), 60);
		residents.ran();
		residents.pin([root(3)]);
		assert_eq!(residents.settled(&root(3), 110), Room::Renew);
	}

	#[test]
	fn others_should_be_in_the_way_when_a_run_found_no_memory_beside_them() {
		let mut residents = residents(100, &[30, 30, 30]);
		assert_eq!(residents.in_the_way(&root(3)), None);
		residents.pin([root(3)]);
		residents.killed(&root(3));
		for oldest in [root(1), root(2)] {
			assert_eq!(residents.in_the_way(&root(3)), Some(oldest));
			residents.closed(&oldest);
		}
		assert_eq!(residents.in_the_way(&root(3)), None);
		// Another process does not change what a run takes; but a run that had all memory is not crowded.
		residents.cleared();
		residents.opened(root(1), String::new(), 30);
		residents.opened(root(3), String::new(), 30);
		assert_eq!(residents.in_the_way(&root(3)), Some(root(1)));
		assert_eq!(residents.in_the_way(&root(1)), None);
		residents.closed(&root(3));
		residents.killed(&root(1));
		residents.opened(root(2), String::new(), 30);
		assert_eq!(residents.in_the_way(&root(1)), None);
		// What the same run needs is never closed.
		residents.opened(root(3), String::new(), 30);
		residents.pin([root(1), root(2), root(3)]);
		assert_eq!(residents.in_the_way(&root(3)), None);
	}

	#[test]
	fn sizes_should_be_forgotten_when_they_are_too_many() {
		let mut residents = Residents::new(u64::MAX);
		for n in 0..=MOST_MEASURED as u64 {
			let mut model = [0; 32];
			model[..8].copy_from_slice(&n.to_le_bytes());
			residents.opened(model, String::new(), 1);
			if n > 0 {
				residents.closed(&model);
			}
		}
		assert_eq!(residents.measured.len(), 2);
		assert_eq!(residents.estimate(&[0; 32], 9), 1);
	}

	/// A process as the sandbox drives one, in numbers.
	struct Machine {
		residents: Residents,
		/// What each model takes, and what its files have.
		models: Vec<(u64, u64)>,
		/// When each model was used.
		uses: Vec<u64>,
		/// Memory that was freed and did not go back.
		garbage: u64,
		/// Part of the memory that stays when a model is closed.
		kept_percent: u64,
		renewals: u32,
		opened: bool,
	}

	/// What the process takes without a model.
	const BASE: u64 = 3;

	impl Machine {
		fn used(&self) -> u64 {
			let open = self.residents.residency().models;
			BASE + self.garbage + open.iter().map(|model| self.size(model.weights_root[0])).sum::<u64>()
		}

		fn size(&self, model: u8) -> u64 {
			self.models[usize::from(model)].0
		}

		/// Opens what a run needs, as [`crate::Sandbox`] does.
		fn ready(&mut self, wanted: &[u8]) -> Result<(), TooLarge> {
			self.residents.pin(wanted.iter().map(|n| root(*n)));
			let before = self.renewals;
			self.opened = false;
			loop {
				match wanted.iter().try_for_each(|n| self.open(*n)) {
					Ok(()) => return Ok(()),
					Err(Some(refused)) => return Err(refused),
					Err(None) => {
						self.renewals += 1;
						assert_eq!(self.renewals, before + 1, "a process was renewed twice");
						self.residents.cleared();
						self.garbage = 0;
					}
				}
			}
		}

		fn open(&mut self, model: u8) -> Result<(), Option<TooLarge>> {
			self.uses[usize::from(model)] = self.uses.iter().max().unwrap() + 1;
			if self.residents.touch(&root(model)) {
				return Ok(());
			}
			let files = self.models[usize::from(model)].1;
			self.make_room(&|residents, used| residents.room(&root(model), files, used))?;
			// What was freed before is used again first.
			let again = self.garbage.min(self.size(model));
			self.garbage -= again;
			self.residents.opened(root(model), String::new(), self.size(model) - again);
			self.opened = true;
			let settled = self.make_room(&|residents, used| residents.settled(&root(model), used));
			if matches!(settled, Err(Some(_))) {
				self.close(model);
			}
			settled
		}

		fn make_room(&mut self, look: &dyn Fn(&mut Residents, u64) -> Room) -> Result<(), Option<TooLarge>> {
			loop {
				let used = self.used();
				match look(&mut self.residents, used) {
					Room::There => return Ok(()),
					Room::Renew => return Err(None),
					Room::Refused(refused) => return Err(Some(refused)),
					Room::Close(oldest) => {
						let (oldest, open) = (oldest[0], self.residents.residency().models);
						let free = open.iter().filter(|model| !model.in_use).map(|model| model.weights_root[0]);
						let first = free.min_by_key(|n| self.uses[usize::from(*n)]);
						assert_eq!(first, Some(oldest), "another one was used before it, or it is in use");
						self.close(oldest);
					}
				}
			}
		}

		fn close(&mut self, model: u8) {
			self.residents.closed(&root(model));
			self.garbage += self.size(model) * self.kept_percent / 100;
		}
	}

	proptest! {
		#[test]
		fn models_should_stay_within_the_budget_whatever_is_run(
			budget in 20u64..400,
			models in proptest::collection::vec((1u64..150, 0u64..200), 2..7),
			kept_percent in 0u64..=100,
			runs in proptest::collection::vec((0usize..7, 0usize..7, any::<bool>(), 0u64..30), 1..60),
		) {
			let uses = vec![0; models.len()];
			let residents = Residents::new(budget);
			let mut machine =
				Machine { residents, models, uses, garbage: 0, kept_percent, renewals: 0, opened: false };
			for (first, second, pair, garbage) in runs {
				let number = |n: usize| (n % machine.models.len()) as u8;
				let wanted = if pair { vec![number(first), number(second)] } else { vec![number(first)] };
				let known: Vec<_> = wanted
					.iter()
					.map(|n| machine.residents.estimate(&root(*n), machine.models[usize::from(*n)].1))
					.collect();
				let outcome = machine.ready(&wanted);
				match &outcome {
					Ok(()) => {
						for n in &wanted {
							prop_assert!(machine.residents.open.contains_key(&root(*n)));
						}
						prop_assert!(!machine.opened || machine.used() <= budget, "{} > {budget}", machine.used());
						machine.residents.ran();
						machine.garbage += garbage;
					}
					Err(refused) => prop_assert!(refused.need + refused.beside > budget, "{refused:?}"),
				}
				if let ([model], [known]) = (&wanted[..], &known[..]) {
					let size = BASE + machine.size(*model);
					prop_assert!(size <= budget || outcome.is_err(), "{size} in {budget}");
					prop_assert!(size > budget || *known > budget || outcome.is_ok(), "{outcome:?}");
				}
				machine.residents.pin([]);
			}
		}
	}
}
