//! What an AI is asked: made from what a proposal does, so that nobody chooses the words. What the proposer says goes to
//! the AI apart from it.

use alloc::{format, string::String, vec::Vec};
use autonomy_primitives::job::{Prompt, MAX_PROMPT_BYTES};
use codec::Encode;

use crate::{
	actions::{Action, CharacterAction, ModelAction},
	traits::{name_of, CallWords as _},
	types::ProposalId,
	ActionOf, Config, Pallet, ProposalOf,
};

/// How an AI is to answer.
const ANSWER: &str =
	"Answer with strongly for, for, neutral, against or strongly against, a colon, and why in one sentence.";

/// The question for an AI about a proposal: printable ASCII, at most 2,048 bytes.
pub fn of<T: Config>(id: ProposalId, proposal: &ProposalOf<T>) -> Prompt {
	let before = format!("Proposal {id} of community {}. If it passes, ", proposal.community);
	let after = format!(". {ANSWER}");
	let ends = before.len().saturating_add(after.len());
	let room = usize::try_from(MAX_PROMPT_BYTES).unwrap_or(usize::MAX).saturating_sub(ends);
	// What is done may be cut; how to answer is not.
	let what: String = plain(&what::<T>(&proposal.action)).take(room).collect();
	Prompt::truncate_from(format!("{before}{what}{after}").into_bytes())
}

/// Text in printable ASCII, with a space for everything else.
fn plain(text: &str) -> impl Iterator<Item = char> + '_ {
	text.chars().map(|letter| if letter.is_ascii_graphic() { letter } else { ' ' })
}

/// A call in words: the runtime's, or else its pallet and name; and its hash when it is too long to be read, or no call.
fn call<T: Config>(hash: &T::Hash, len: u32) -> String {
	match Pallet::<T>::call_of(hash, len) {
		Ok(call) => T::Words::words(&call).unwrap_or_else(|| name_of(&call)),
		Err(_) => format!("the call {} of {len} bytes is made", hex(hash)),
	}
}

/// Bytes as hexadecimal digits.
fn hex(value: &impl Encode) -> String {
	use core::fmt::Write;
	let mut text = String::from("0x");
	for byte in value.encode() {
		// Writing into a string does not fail.
		let _ = write!(text, "{byte:02x}");
	}
	text
}

fn or_none(value: Option<u32>) -> String {
	value.map_or_else(|| String::from("none"), |value| format!("{value}"))
}

fn what<T: Config>(action: &ActionOf<T>) -> String {
	match action {
		Action::Signal => String::from("nothing is done: it is a wish"),
		Action::SetCharter(changes) => {
			let fields = changes.iter().map(|(field, value)| format!("{field:?} becomes {value}"));
			let fields: Vec<String> = fields.collect();
			format!("in the charter {}", fields.join(", "))
		}
		Action::Spend { asset: None, to, amount } => format!("{amount:?} planck are paid to {}", hex(to)),
		Action::Spend { asset: Some(asset), to, amount } => {
			format!("{amount:?} units of asset {} are paid to {}", hex(asset), hex(to))
		}
		Action::GrantBadge { who, points } => format!("{} is a contributor of {points} points", hex(who)),
		Action::GrantComputeBadge { who, points } => {
			format!("{} is a contributor of compute of {points} points", hex(who))
		}
		Action::LapseBadge { who } => format!("{} is no contributor any more", hex(who)),
		Action::Character(action) => of_character(action),
		Action::Model(action) => of_model(action),
		Action::Dispatch { track, hash, len } => format!("on the track {track:?} {}", call::<T>(hash, *len)),
		Action::Motion { hash, len, .. } => {
			format!("the holders of AUTON vote on this, with the root origin: {}", call::<T>(hash, *len))
		}
		Action::StartTraining { recipe, trainer, budget, days } => format!(
			"{budget:?} planck are put aside for {} to train by the recipe {} within {days} days",
			hex(trainer),
			hex(recipe)
		),
		Action::PublishCheckpoint { training, checkpoint, payment } => format!(
			"the checkpoint {} of training run {training} is published and {payment:?} planck are paid for it",
			hex(checkpoint)
		),
		Action::EndTraining(training) => format!("training run {training} ends"),
	}
}

fn of_character(action: &CharacterAction) -> String {
	match action {
		CharacterAction::SetPersona { persona } => format!("the character's persona becomes {}", hex(persona)),
		CharacterAction::SetModels { image, language } => {
			format!("the character's models become {} and {}", or_none(*image), or_none(*language))
		}
		CharacterAction::SetSplit(split) => format!(
			"of each million the owner gets {}, investors {}, the treasury {}, fans {}",
			split.owner, split.investors, split.treasury, split.fans
		),
		CharacterAction::SetTiers { rows, advanced_from } => {
			format!("the fan club has {} tiers, those from {advanced_from} on vote", rows.len())
		}
		CharacterAction::SetActive(true) => String::from("the character takes messages"),
		CharacterAction::SetActive(false) => String::from("the character takes no messages"),
		CharacterAction::AcceptChild(child) => format!("character {child} becomes a sub-identity"),
		CharacterAction::AskParent(parent) => format!("the character asks for the parent {}", or_none(*parent)),
		CharacterAction::LeaveParent => String::from("the character leaves its parent"),
		CharacterAction::FoundCollective { pooled, .. } => {
			format!("the character founds a collective, pooled: {pooled}")
		}
		CharacterAction::Invite(other) => format!("character {other} may join the collective"),
		CharacterAction::JoinCollective(collective) => format!("the character joins collective {collective}"),
		CharacterAction::LeaveCollective => String::from("the character leaves its collective"),
		CharacterAction::VoteReferendum { referendum, aye, balance, conviction } => {
			let side = if *aye { "for" } else { "against" };
			format!("the treasury votes {side} referendum {referendum} with {balance} planck, conviction {conviction}")
		}
		CharacterAction::RemoveVote(referendum) => {
			format!("the treasury takes its vote on referendum {referendum} back")
		}
	}
}

fn of_model<Balance: core::fmt::Debug>(action: &ModelAction<Balance>) -> String {
	match action {
		ModelAction::AcceptVersion(version) => format!("proposed version {version} becomes the current one"),
		ModelAction::RejectVersion(version) => format!("proposed version {version} is rejected"),
		ModelAction::SetRules(rules) => format!(
			"of each million data weighs {}, compute {}, training {}",
			rules.data, rules.compute, rules.training
		),
		ModelAction::SetDataRoot { root, approved } => format!("data {} is approved: {approved}", hex(root)),
		ModelAction::OpenSource => String::from("the model is open to everybody, for ever"),
		ModelAction::SetPrice(price) => format!("a unit of work costs {price:?} planck"),
		ModelAction::SetActive(active) => format!("the model takes jobs: {active}"),
	}
}
