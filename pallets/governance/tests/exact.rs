//! The integers against exact fractions, and what must hold of any tally: properties 1, 5, 6, 7 and 17 of governance.

use autonomy_governance::{
	ai_share, approval, basis_points, capped_weight, decide, preference, tally, AiVotes, ClassVotes, Lean, Perbill,
	Question, Rule, Side, Votes, ABSTENTION_BAND, WHOLE,
};
use num_bigint::BigInt;
use num_rational::BigRational;
use proptest::{collection::vec, prelude::*};

const THIRD: Perbill = Perbill::from_parts(333_333_333);

// ---- what is proposed --------------------------------------------------------------------------------------------

/// A child community at the parent's proposal.
#[derive(Clone, Debug)]
struct Child {
	classes: Vec<ClassVotes>,
	own_share: Perbill,
	target: Perbill,
	decision: Lean,
	weight: u32,
}

impl Child {
	fn preference(&self) -> Lean {
		preference(self.own_share, self.decision, tally(&self.classes).lean(self.target))
	}
}

#[derive(Clone, Debug)]
struct Proposal {
	rule: Rule,
	classes: Vec<ClassVotes>,
	children: Vec<Child>,
	/// Weight of AIs that do not vote.
	silent: u128,
}

impl Proposal {
	fn house(&self) -> AiVotes {
		let total = self.children.iter().map(|child| u128::from(child.weight)).sum::<u128>() + self.silent;
		self.children.iter().fold(AiVotes::new(total), |house, child| house.add(child.weight, child.preference()))
	}

	fn approval(&self) -> Option<Perbill> {
		approval(&tally(&self.classes), &self.house(), self.rule.ai_share)
	}

	fn passes(&self) -> bool {
		let classes: Vec<_> = self.classes.iter().map(|class| (*class, false)).collect();
		decide(&Question { rule: self.rule, concurring: 0, ai_house: None }, &classes, &self.house()).is_ok()
	}
}

/// So many millionths of an amount.
fn portion(amount: u128, millionths: u32) -> u128 {
	let millionths = u128::from(millionths);
	amount / 1_000_000 * millionths + amount % 1_000_000 * millionths / 1_000_000
}

fn power() -> impl Strategy<Value = u128> {
	prop_oneof![1..=20u128, (1..=100u32, any::<u128>()).prop_map(|(bits, random)| (random >> (128 - bits)) + 1)]
}

fn votes(total: u128) -> impl Strategy<Value = Votes> {
	let millionths = || prop_oneof![1 => Just(0), 1 => Just(1_000_000), 4 => 0..=1_000_000u32];
	[millionths(), millionths(), millionths()].prop_map(move |[cast, ayes, nays]| {
		let cast = portion(total, cast);
		let ayes = portion(cast, ayes);
		let nays = portion(cast - ayes, nays);
		Votes { ayes, nays, abstentions: cast - ayes - nays }
	})
}

fn class() -> impl Strategy<Value = ClassVotes> {
	let total = prop_oneof![1 => Just(0), 9 => power()];
	let floor = prop_oneof![3 => Just(0), 1 => power()];
	(1..=6_000u16, total, floor).prop_flat_map(|(weight, total, floor)| {
		votes(total).prop_map(move |votes| ClassVotes { weight, total, floor, votes })
	})
}

fn decision() -> impl Strategy<Value = Lean> {
	prop_oneof![
		Just(Lean::NAY),
		Just(Lean::NEUTRAL),
		Just(Lean::AYE),
		(-1_000_000_000..=1_000_000_000i32).prop_map(Lean::from_billionths)
	]
}

fn child() -> impl Strategy<Value = Child> {
	(vec(class(), 1..4), 2_000..=5_000u16, 500..=5_000u16, decision(), 0..=300u32).prop_map(
		|(classes, own_share, target, decision, weight)| Child {
			classes,
			own_share: basis_points(own_share),
			target: basis_points(target),
			decision,
			weight,
		},
	)
}

/// Rules as tracks and charters have them: thresholds in percent, θ ≤ 1 − κ.
fn rule() -> impl Strategy<Value = Rule> {
	let support = prop_oneof![3 => 1..=5u32, 1 => 6..=40u32];
	(50..=66u32, support, prop::sample::select(vec![Perbill::zero(), Perbill::from_percent(20), THIRD])).prop_map(
		|(approval, support, ai_share)| Rule {
			approval: Perbill::from_percent(approval),
			support: Perbill::from_percent(support),
			ai_share,
		},
	)
}

fn proposal() -> impl Strategy<Value = Proposal> {
	let silent = prop_oneof![Just(0), 0..=1_000u128];
	(rule(), vec(class(), 1..=4), vec(child(), 0..6), silent).prop_map(|(rule, classes, children, silent)| Proposal {
		rule,
		classes,
		children,
		silent,
	})
}

// ---- exact fractions ---------------------------------------------------------------------------------------------

fn exact(part: impl Into<BigInt>, whole: impl Into<BigInt>) -> BigRational {
	BigRational::new(part.into(), whole.into())
}

fn zero() -> BigRational {
	exact(0u32, 1u32)
}

fn one() -> BigRational {
	exact(1u32, 1u32)
}

fn share(share: Perbill) -> BigRational {
	exact(share.deconstruct(), 1_000_000_000u32)
}

fn lean(lean: Lean) -> BigRational {
	exact(lean.parts(), WHOLE)
}

fn magnitude(number: &BigRational) -> BigRational {
	if *number < zero() {
		zero() - number.clone()
	} else {
		number.clone()
	}
}

/// What rounding may move a result by.
fn tolerance() -> BigRational {
	exact(3u32, 1_000_000_000u32)
}

/// A, N and B of a community.
fn exact_tally(classes: &[ClassVotes]) -> [BigRational; 3] {
	let members = || classes.iter().filter(|class| class.total > 0);
	let weights: u32 = members().map(|class| u32::from(class.weight)).sum();
	Side::ALL.map(|side| {
		let parts = members()
			.map(|class| exact(class.votes.of(side), class.total.max(class.floor)) * exact(class.weight, weights));
		parts.fold(zero(), |sum, part| sum + part)
	})
}

/// s_c of a child.
fn exact_preference(child: &Child) -> BigRational {
	let [ayes, nays, abstentions] = exact_tally(&child.classes);
	let whole = (ayes.clone() + nays.clone() + abstentions).max(share(child.target));
	let members = if whole == zero() { zero() } else { (ayes - nays) / whole };
	let own = share(child.own_share);
	own.clone() * lean(child.decision) + (one() - own) * members
}

/// Support, and approval unless no member voted; straight from the formulas.
fn exact_result(proposal: &Proposal) -> (BigRational, Option<BigRational>) {
	let [ayes, nays, _] = exact_tally(&proposal.classes);
	let human = ayes.clone() + nays;
	if human == zero() {
		return (ayes, None);
	}
	let of_humans = ayes.clone() / human.clone();
	let (mut ai_ayes, mut ai_nays) = (zero(), zero());
	for child in &proposal.children {
		let preference = exact_preference(child);
		let strength = magnitude(&preference);
		if strength >= share(ABSTENTION_BAND) {
			let cast = exact(child.weight, 1u32) * strength;
			if preference > zero() {
				ai_ayes += cast;
			} else {
				ai_nays += cast;
			}
		}
	}
	let cast = ai_ayes.clone() + ai_nays;
	if cast == zero() {
		return (ayes, Some(of_humans));
	}
	let of_ais = ai_ayes / cast.clone();
	let turnout = cast / exact(proposal.house().total, 1u32);
	let y = (turnout / human).min(one());
	let most = share(proposal.rule.ai_share);
	let weighed = most.clone() * y;
	let weight = weighed.clone() / (one() - most + weighed);
	let approval = (one() - weight.clone()) * of_humans + weight * of_ais;
	(ayes, Some(approval))
}

/// Whether an AI's preference is so near the band that rounding may decide whether it abstains.
fn is_on_the_band(child: &Child) -> bool {
	let distance = magnitude(&(magnitude(&exact_preference(child)) - share(ABSTENTION_BAND)));
	distance < exact(1u32, 1_000_000_000u32)
}

// ---- properties --------------------------------------------------------------------------------------------------

proptest! {
	#![proptest_config(ProptestConfig::with_cases(512))]

	/// Property 17 of the design: the integer result is the exact one, or fails within 3 billionths of a threshold.
	#[test]
	fn result_should_be_the_exact_one_except_close_to_a_threshold(proposal in proposal()) {
		prop_assume!(!proposal.children.iter().any(is_on_the_band));
		let (support, exact) = exact_result(&proposal);
		let (least, threshold) = (share(proposal.rule.support), share(proposal.rule.approval));
		let passes_exactly = support >= least && exact.as_ref().is_some_and(|approval| *approval >= threshold);
		if proposal.passes() {
			prop_assert!(passes_exactly, "passes, and must not: {exact:?}");
		} else if passes_exactly {
			let is_close = |value: &BigRational, least: &BigRational| value.clone() - least.clone() < tolerance();
			let approval = exact.as_ref().unwrap();
			let is_close = is_close(&support, &least) || is_close(approval, &threshold);
			prop_assert!(is_close, "fails, and must not: {approval}");
		}
		// As far from the exact fraction as said, wherever the result depends on it.
		if let (Some(approval), Some(exact)) = (proposal.approval(), exact) {
			prop_assert!(share(approval) <= exact, "{approval:?} is above {exact}");
			prop_assert!(support < least || exact.clone() - share(approval) < tolerance(), "{approval:?}, not {exact}");
		}
	}

	/// Property 17 of the design, of what an AI prefers.
	#[test]
	fn preference_should_be_the_exact_one_rounded_towards_nay(child in child()) {
		let (rounded, exact) = (lean(child.preference()), exact_preference(&child));
		prop_assert!(rounded <= exact && exact - rounded < tolerance());
	}

	/// Property 1 of the design, its arithmetic: weights are shared out in full, and sides never add up to more than there
	/// is.
	#[test]
	fn tally_should_be_no_more_than_the_whole(classes in vec(class(), 1..6)) {
		let sums = tally(&classes);
		prop_assert!(sums.ayes + sums.nays + sums.abstentions <= WHOLE + 4, "{sums:?}");
		prop_assert!([sums.ayes, sums.nays, sums.abstentions].into_iter().all(|side| side <= WHOLE));
		let unanimous = |class: &ClassVotes| {
			ClassVotes { votes: Votes { ayes: class.denominator(), ..Votes::default() }, ..*class }
		};
		let all = tally(&classes.iter().map(unanimous).collect::<Vec<_>>()).ayes;
		prop_assert_eq!(all, if classes.iter().any(ClassVotes::has_members) { WHOLE } else { 0 });
		let [ayes, nays, abstentions] = exact_tally(&classes);
		let off = [
			ayes - exact(sums.ayes, WHOLE),
			exact(sums.nays, WHOLE) - nays,
			exact(sums.abstentions, WHOLE) - abstentions,
		];
		prop_assert!(off.iter().all(|off| *off >= zero() && *off < exact(2u32, WHOLE)), "rounded by {off:?}");
	}

	/// Property 5 of the design, among the members.
	#[test]
	fn member_should_never_harm_their_own_side(
		proposal in proposal(),
		more in power(),
		needed in vec(any::<bool>(), 4),
		concurring in 0..=2u8,
	) {
		let passes = |proposal: &Proposal| {
			let question = Question { rule: proposal.rule, concurring, ai_house: None };
			let classes: Vec<_> = proposal.classes.iter().copied().zip(needed.iter().copied()).collect();
			decide(&question, &classes, &proposal.house()).is_ok()
		};
		for number in 0..proposal.classes.len() {
			let with = |side: Side| {
				let mut proposal = proposal.clone();
				let class = &mut proposal.classes[number];
				class.votes = class.votes.add(side, more).unwrap();
				proposal
			};
			let (aye, nay) = (with(Side::Aye), with(Side::Nay));
			prop_assert!(passes(&aye) || !passes(&proposal), "an aye more turns a pass into a failure");
			prop_assert!(!passes(&nay) || passes(&proposal), "a nay more turns a failure into a pass");
			if let (Some(before), Some(aye), Some(nay)) = (proposal.approval(), aye.approval(), nay.approval()) {
				prop_assert!(nay <= before && before <= aye, "{nay:?}, {before:?}, {aye:?}");
			}
		}
	}

	/// Property 5 of the design, among the members of a child and among AIs, the quotient u* included.
	#[test]
	fn member_of_a_child_should_never_harm_their_own_side(
		proposal in proposal(),
		child in child(),
		more in power(),
		number in any::<prop::sample::Index>(),
	) {
		let number = number.index(child.classes.len());
		let approval_with = |child: &Child| {
			let mut proposal = proposal.clone();
			proposal.children.push(child.clone());
			(proposal.approval(), proposal.passes())
		};
		let with = |side: Side| {
			let mut child = child.clone();
			let class = &mut child.classes[number];
			class.votes = class.votes.add(side, more).unwrap();
			child
		};
		let (aye, nay) = (with(Side::Aye), with(Side::Nay));
		prop_assert!(aye.preference() >= child.preference() && nay.preference() <= child.preference());
		let (before, with_aye, with_nay) = (approval_with(&child), approval_with(&aye), approval_with(&nay));
		prop_assert!(with_nay <= before && before <= with_aye, "{with_nay:?}, {before:?}, {with_aye:?}");
		let decided = |decision| approval_with(&Child { decision, ..child.clone() });
		prop_assert!(decided(Lean::NAY) <= before && before <= decided(Lean::AYE));
	}

	/// Property 6 of the design: AIs never weigh more than their share.
	#[test]
	fn ais_should_never_weigh_more_than_their_share(proposal in proposal()) {
		let (most, sums, house) = (proposal.rule.ai_share, tally(&proposal.classes), proposal.house());
		prop_assert!(ai_share(&sums, &house, most) <= most);
		if let (Some(approval), Some(of_humans)) = (proposal.approval(), sums.share_of_ayes()) {
			let moved = approval.deconstruct().abs_diff(of_humans.deconstruct());
			prop_assert!(moved <= most.deconstruct() + 1, "AIs moved the result by {moved} billionths");
		}
	}

	/// Property 6 of the design: with every AI captured, members still have to be for it; with every AI against, they can
	/// still pass it.
	#[test]
	fn captured_house_should_neither_pass_nor_stop_what_members_decide(proposal in proposal()) {
		let [ayes, nays, _] = exact_tally(&proposal.classes);
		let human = ayes.clone() + nays;
		prop_assume!(human > zero());
		let of_humans = ayes.clone() / human;
		let (threshold, most) = (share(proposal.rule.approval), share(proposal.rule.ai_share));
		let classes: Vec<_> = proposal.classes.iter().map(|class| (*class, false)).collect();
		let question = Question { rule: proposal.rule, concurring: 0, ai_house: None };
		let result = |preference: Lean| decide(&question, &classes, &AiVotes::new(300).add(300, preference));
		if of_humans < (threshold.clone() - most.clone()) / (one() - most.clone()) {
			prop_assert!(result(Lean::AYE).is_err(), "AIs alone made it pass");
		}
		let needed = threshold / (one() - most) + tolerance();
		if of_humans >= needed && ayes >= share(proposal.rule.support) + tolerance() {
			prop_assert!(result(Lean::NAY).is_ok(), "AIs alone stopped it");
		}
	}

	/// Property 6 of the design: one controller's seats stay within the cap, whichever is settled first.
	#[test]
	fn controller_should_stay_within_the_cap_in_any_order(
		weights in vec(0..=300u32, 1..40).prop_shuffle(),
		others in 0..=10_000u128,
		cap in 500..=3_300u16,
	) {
		let cap = basis_points(cap);
		let total = weights.iter().map(|weight| u128::from(*weight)).sum::<u128>() + others;
		let applied = weights.iter().fold(0u128, |applied, weight| {
			applied + u128::from(capped_weight(*weight, applied, total, cap))
		});
		prop_assert!(exact(applied, 1u32) <= share(cap) * exact(total, 1u32));
		let own: u128 = weights.iter().map(|weight| u128::from(*weight)).sum();
		let most = u128::from(cap.deconstruct()) * total / 1_000_000_000;
		prop_assert_eq!(applied, own.min(most), "no order gives more or less");
	}

	/// Property 7 of the design: a preference is within −1 and 1, and the order of settling changes nothing.
	#[test]
	fn preference_should_be_between_nay_and_aye_and_order_should_not_matter(
		(children, shuffled) in vec(child(), 0..8).prop_flat_map(|children| {
			(Just(children.clone()), Just(children).prop_shuffle())
		}),
	) {
		let house = |children: &[Child]| {
			children.iter().fold(AiVotes::new(1_000), |house, child| house.add(child.weight, child.preference()))
		};
		prop_assert_eq!(house(&children), house(&shuffled));
		for child in &children {
			let preference = child.preference();
			prop_assert!(Lean::NAY <= preference && preference <= Lean::AYE);
			let alone = AiVotes::new(1_000).add(child.weight, preference);
			let sum = alone.ayes + alone.nays + alone.abstentions;
			prop_assert_eq!(sum, u128::from(child.weight) * u128::from(WHOLE), "a seat is counted once and in full");
		}
	}
}
