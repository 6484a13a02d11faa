//! What an AI is asked: made from what a proposal does, so that nobody chooses the words. What the proposer says goes to
//! the AI apart from it.

use alloc::{format, string::String, vec::Vec};
use autonomy_primitives::job::Prompt;
use codec::Encode;

use crate::{
	actions::{Action, CharacterAction, ModelAction},
	types::ProposalId,
	ActionOf, Config, ProposalOf,
};

/// The question for an AI about a proposal: ASCII, at most 2,048 bytes.
pub fn of<T: Config>(id: ProposalId, proposal: &ProposalOf<T>) -> Prompt {
	let text = format!(
		"Proposal {id} of community {}. If it passes, {}. Say how much you are for it, from -100 (against) to 100 (for).",
		proposal.community,
		what::<T>(&proposal.action),
	);
	// What is longer is cut: the words are ASCII.
	Prompt::truncate_from(text.into_bytes())
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
		Action::LapseBadge { who } => format!("{} is no contributor any more", hex(who)),
		Action::Character(action) => of_character(action),
		Action::Model(action) => of_model(action),
		Action::Dispatch { track, hash, len } => {
			format!("the call {} of {len} bytes is dispatched on the track {track:?}", hex(hash))
		}
		Action::Motion { hash, len, .. } => {
			format!("the holders vote on the call {} of {len} bytes with the root origin", hex(hash))
		}
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
