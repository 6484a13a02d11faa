//! Who is paid out of a job's fees: the split, which is taken down when the job is submitted and binds until its end, and
//! the payments when it ends.
//!
//! Every sum is exact: what is paid, what is burned and what goes back add up to what was on hold.

use alloc::vec::Vec;
use autonomy_primitives::{
	character::{CharacterTerms, Characters},
	community::CommunityId,
	payout::{divide, CharacterPayees, ModelPayees, ModelRevenue, Payee, Share},
	CharacterId, JobId, ModelId,
};
use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use frame_support::{
	defensive,
	storage::with_storage_layer,
	traits::{
		fungible::MutateHold,
		tokens::{Fortitude, Precision, Restriction},
	},
};
use scale_info::TypeInfo;
use sp_runtime::{
	traits::{AtLeast32BitUnsigned, Saturating, Zero},
	Permill,
};

use crate::{
	agenda::Served,
	maths::{self, SeatPay},
	BalanceOf, Config, Error, Event, FeeSplit, HoldReason, JobOf, Outcome, Pallet, PaymentOf, Purpose, SplitOf, Splits,
};

/// Which part of the escrow a payment is.
#[derive(
	Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub enum Part {
	/// A seat's operator's part of its fee.
	#[codec(index = 0)]
	Operator,
	/// What an audit is paid, from its own reserve.
	#[codec(index = 1)]
	Auditor,
	/// The model's part of the seats' fees.
	#[codec(index = 2)]
	Model,
	/// The character's part, which the treasury of the model's community has without a character.
	#[codec(index = 3)]
	Character,
	/// The community's part.
	#[codec(index = 4)]
	Community,
}

/// A payment out of a job's escrow.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub struct Payment<AccountId, Balance> {
	/// To whom. A treasury in place of somebody who could not take it.
	pub payee: Payee<AccountId>,
	/// Of what.
	pub part: Part,
	/// How much, in planck.
	pub amount: Balance,
}

/// The character of a job, and among whom its part is divided.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub struct CharacterSplit<AccountId> {
	/// The character.
	pub character: CharacterId,
	/// Its community, whose treasury has the community's part.
	pub community: CommunityId,
	/// Among whom the character's part is divided. Without anybody its community's treasury has it.
	pub payees: CharacterPayees<AccountId>,
}

/// Who gets what of a job's fees, as it was when the job was submitted.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub struct Split<AccountId> {
	/// The parts of a seat's fee.
	pub rates: FeeSplit,
	/// Among whom the model's part is divided: its ancestors, its shareholders, its owner. Without anybody it is the
	/// operators'.
	pub model: ModelPayees<AccountId>,
	/// The character, if the job has one.
	pub character: Option<CharacterSplit<AccountId>>,
	/// The model's community.
	pub community: Option<CommunityId>,
}

/// What is due when a job ends.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Dues<AccountId, Balance> {
	/// To the operator of each seat that was right, in planck.
	pub per_seat: Balance,
	/// To everybody else but the auditor.
	pub payments: Vec<Payment<AccountId, Balance>>,
	/// To be burned, in planck.
	pub burned: Balance,
}

impl<AccountId: Clone> Split<AccountId> {
	/// The community whose treasury gets what a payee of this part cannot take. What operators and auditors cannot take goes
	/// back to the requester.
	pub fn home(&self, part: Part) -> Option<CommunityId> {
		match part {
			Part::Operator | Part::Auditor => None,
			Part::Model => self.community,
			Part::Character | Part::Community => match &self.character {
				Some(character) => Some(character.community),
				None => self.community,
			},
		}
	}

	/// What is due for `seats` seats with this fee. Each part is rounded down for a single seat, and taken as many times; a
	/// part that nobody is there for is the operators'. All of it adds up to the fees.
	pub fn dues<Balance: AtLeast32BitUnsigned + Copy>(&self, fee: Balance, seats: u32) -> Dues<AccountId, Balance> {
		let SeatPay { operator, model, character, community, burned } = maths::seat_pay(fee, &self.rates);
		let treasury = |part| -> Vec<Share<AccountId>> {
			self.home(part).map(|community| (Payee::Treasury(community), Permill::one())).into_iter().collect()
		};
		let of_character = match &self.character {
			Some(character) if !character.payees.is_empty() => character.payees.to_vec(),
			_ => treasury(Part::Character),
		};
		let parts = [
			(Part::Model, model, self.model.to_vec()),
			(Part::Character, character, of_character),
			(Part::Community, community, treasury(Part::Community)),
		];
		let mut per_seat = operator;
		let mut payments = Vec::new();
		for (part, each, shares) in parts {
			if shares.is_empty() {
				per_seat = per_seat.saturating_add(each);
				continue;
			}
			let divided = divide(each.saturating_mul(seats.into()), &shares).into_iter();
			payments.extend(divided.map(|(payee, amount)| Payment { payee, part, amount }));
		}
		Dues { per_seat, payments, burned: burned.saturating_mul(seats.into()) }
	}
}

/// What became of a requester's escrow and deposit.
pub(crate) struct Paid<AccountId, Balance> {
	/// What each seat that was right was to be paid.
	pub per_seat: Balance,
	/// Who was paid what.
	pub payments: Vec<Payment<AccountId, Balance>>,
	pub burned: Balance,
	/// What the requester paid, what was burned included.
	pub spent: Balance,
	/// What went back, the deposit included.
	pub refunded: Balance,
	/// The community of the job's character.
	pub community: Option<CommunityId>,
}

fn sum<AccountId, Balance: AtLeast32BitUnsigned + Copy>(payments: &[Payment<AccountId, Balance>]) -> Balance {
	payments.iter().fold(Zero::zero(), |sum: Balance, payment| sum.saturating_add(payment.amount))
}

impl<T: Config> Pallet<T> {
	/// The split of a job that is submitted now.
	pub(crate) fn split_now(model: ModelId, purpose: Purpose) -> Result<SplitOf<T>, Error<T>> {
		let character = match purpose {
			Purpose::Plain | Purpose::Evaluation | Purpose::Ballot => None,
			Purpose::Character(character) => {
				let terms = T::Characters::terms(character).ok_or(Error::<T>::UnknownCharacter)?;
				let CharacterTerms { community, payees } = terms;
				Some(CharacterSplit { character, community, payees })
			}
		};
		let (model, community) = (T::ModelRevenue::revenue(model), T::ModelRevenue::community(model));
		Ok(Split { rates: Self::fee_split(), model, character, community })
	}

	/// Pays the seats that were right, the auditor and everybody in the split out of the escrow; a fault in the input pays a
	/// part of the fee. The rest and the deposit go back. The requester's own freezes do not stop what it owes.
	pub(crate) fn pay(
		id: JobId,
		job: &JobOf<T>,
		outcome: &Outcome,
		seats: &[T::AccountId],
		auditor: Option<&T::AccountId>,
	) -> Paid<T::AccountId, BalanceOf<T>> {
		let Some(split) = Splits::<T>::get(id) else {
			defensive!("a job without its split");
			let (per_seat, burned, spent) = (Zero::zero(), Zero::zero(), Zero::zero());
			let refunded = Self::refund(job);
			return Paid { per_seat, payments: Vec::new(), burned, spent, refunded, community: None };
		};
		let deposit = Self::release(HoldReason::JobDeposit, &job.requester, job.deposit);
		let fee = if outcome.fault().is_some() { split.rates.fault_pay.mul_floor(job.seat_fee) } else { job.seat_fee };
		let Dues { per_seat, payments: others, burned } = split.dues(fee, Served::count(seats.len()));
		let to = |who: &T::AccountId, part, amount| Payment { payee: Payee::Account(who.clone()), part, amount };
		let due = seats.iter().map(|seat| to(seat, Part::Operator, per_seat));
		let due = due.chain(auditor.map(|auditor| to(auditor, Part::Auditor, job.audit_reserve))).chain(others);

		let payments = Self::pay_out(id, job, &split, due);
		let burned = Self::burn(HoldReason::JobFee, &job.requester, burned);
		let spent = sum(&payments).saturating_add(burned);
		let rest = Self::release(HoldReason::JobFee, &job.requester, job.escrow().saturating_sub(spent));
		let community = split.character.map(|of| of.community);
		Paid { per_seat, payments, burned, spent, refunded: deposit.saturating_add(rest), community }
	}

	/// Makes payments out of the escrow. What somebody cannot take goes to the treasury of the part's community, together
	/// with all else that does; what that cannot take stays with the requester. Returns what was paid.
	fn pay_out(
		id: JobId,
		job: &JobOf<T>,
		split: &SplitOf<T>,
		due: impl Iterator<Item = PaymentOf<T>>,
	) -> Vec<PaymentOf<T>> {
		let (mut paid, mut left) = (Vec::new(), Vec::new());
		for payment in due.filter(|payment| !payment.amount.is_zero()) {
			let treasury = split.home(payment.part).map(Payee::Treasury);
			let is_for_treasury = treasury.as_ref() == Some(&payment.payee);
			if !is_for_treasury && Self::transfer(job, &payment.payee, payment.amount) {
				paid.push(payment);
				continue;
			}
			match treasury {
				Some(payee) => left.push(Payment { payee, ..payment }),
				None => Self::returned(id, &payment.payee, payment.amount),
			}
		}
		// The model's community and the character's: all that is for one of them is one transfer.
		for treasury in [Part::Model, Part::Community].into_iter().filter_map(|part| split.home(part)) {
			let treasury = Payee::Treasury(treasury);
			let (payments, others): (Vec<_>, Vec<_>) = left.into_iter().partition(|other| other.payee == treasury);
			left = others;
			let amount = sum(&payments);
			if amount.is_zero() {
				continue;
			}
			if Self::transfer(job, &treasury, amount) {
				paid.extend(payments);
			} else {
				Self::returned(id, &treasury, amount);
			}
		}
		paid
	}

	/// Pays somebody out of the escrow. Returns whether the account could take it.
	fn transfer(job: &JobOf<T>, payee: &Payee<T::AccountId>, amount: BalanceOf<T>) -> bool {
		let account = payee.account::<BalanceOf<T>, T::Revenue>();
		let paid = with_storage_layer(|| {
			T::Currency::transfer_on_hold(
				&HoldReason::JobFee.into(),
				&job.requester,
				&account,
				amount,
				Precision::Exact,
				Restriction::Free,
				Fortitude::Force,
			)
		});
		if paid.is_ok() {
			payee.paid::<BalanceOf<T>, T::Revenue>(amount);
		}
		paid.is_ok()
	}

	fn returned(job: JobId, payee: &Payee<T::AccountId>, amount: BalanceOf<T>) {
		let account = payee.account::<BalanceOf<T>, T::Revenue>();
		Self::deposit_event(Event::PayReturned { job, account, amount });
	}
}

#[cfg(test)]
mod tests {
	use super::*;
	use proptest::prelude::*;

	fn share(most: u32) -> impl Strategy<Value = Permill> {
		(0..=most).prop_map(Permill::from_percent)
	}

	fn rates() -> impl Strategy<Value = FeeSplit> {
		(share(50), share(20), share(10), share(20), share(100)).prop_map(
			|(model, character, community, burn, fault_pay)| FeeSplit { model, character, community, burn, fault_pay },
		)
	}

	fn payee() -> impl Strategy<Value = Payee<u8>> {
		use autonomy_primitives::community::Pot;
		prop_oneof![
			4 => any::<u8>().prop_map(Payee::Account),
			2 => (0u32..4).prop_map(|community| Payee::Pot(community, Pot::Shares)),
			1 => (0u32..4).prop_map(Payee::Treasury),
		]
	}

	fn payees(most: usize) -> impl Strategy<Value = Vec<Share<u8>>> {
		let share = (0u32..=1_000_000).prop_map(Permill::from_parts);
		proptest::collection::vec((payee(), share), 0..=most)
	}

	fn split() -> impl Strategy<Value = Split<u8>> {
		let character = (any::<u32>(), 0u32..4, payees(5)).prop_map(|(character, community, payees)| CharacterSplit {
			character,
			community,
			payees: payees.try_into().unwrap(),
		});
		(rates(), payees(18), prop::option::of(character), prop::option::of(0u32..4)).prop_map(
			|(rates, model, character, community)| Split {
				rates,
				model: model.try_into().unwrap(),
				character,
				community,
			},
		)
	}

	proptest! {
		#[test]
		fn dues_should_add_up_to_the_fees(split in split(), fee in 0u128..1 << 100, seats in 0u32..=15) {
			let dues = split.dues(fee, seats);
			let seats = u128::from(seats);
			prop_assert_eq!(dues.per_seat * seats + sum(&dues.payments) + dues.burned, fee * seats);
		}

		#[test]
		fn dues_should_go_to_the_operators_when_nobody_else_is_there(rates in rates(), fee in 0u128..1 << 100) {
			let split: Split<u8> = Split { rates, model: Default::default(), character: None, community: None };
			let (dues, burned) = (split.dues(fee, 3), rates.burn.mul_floor(fee));
			prop_assert_eq!((dues.per_seat, dues.burned), (fee - burned, 3 * burned));
			prop_assert!(dues.payments.is_empty());
		}

		#[test]
		fn each_part_should_be_its_share_when_somebody_is_there_for_it(split in split(), fee in 0u128..1 << 100) {
			let dues = split.dues(fee, 3);
			let of = |part| -> u128 {
				dues.payments.iter().filter(|payment| payment.part == part).map(|payment| payment.amount).sum()
			};
			let due = |share: Permill, is_there: bool| if is_there { 3 * share.mul_floor(fee) } else { 0 };
			let has_treasury = split.character.is_some() || split.community.is_some();
			prop_assert_eq!(of(Part::Model), due(split.rates.model, !split.model.is_empty()));
			prop_assert_eq!(of(Part::Character), due(split.rates.character, has_treasury));
			prop_assert_eq!(of(Part::Community), due(split.rates.community, has_treasury));
		}
	}

	#[test]
	fn part_of_a_character_should_be_its_treasurys_when_it_names_nobody() {
		let percent = Permill::from_percent;
		let character = CharacterSplit { character: 1, community: 7, payees: Default::default() };
		let split: Split<u8> = Split {
			rates: FeeSplit {
				model: percent(18),
				character: percent(7),
				community: percent(2),
				burn: percent(3),
				fault_pay: percent(25),
			},
			model: Default::default(),
			character: Some(character),
			community: Some(3),
		};
		let dues = split.dues(1_000u128, 1);
		let treasury = |part, amount| Payment { payee: Payee::Treasury(7), part, amount };
		assert_eq!(dues.payments, [treasury(Part::Character, 70), treasury(Part::Community, 20)]);
		assert_eq!((dues.per_seat, dues.burned), (880, 30));
	}
}
