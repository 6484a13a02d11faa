//! Operators: bonds, worker keys, places on models.

use autonomy_primitives::{model::ModelRegistry, Digest, ModelId};
use frame_support::{
	defensive, ensure,
	pallet_prelude::{DispatchError, DispatchResult},
	traits::{fungible::MutateHold, tokens::Precision, Get},
	BoundedVec,
};
use sp_runtime::{
	traits::{CheckedSub, Saturating, Zero},
	ArithmeticError,
};

use crate::{
	BalanceOf, BondedOperators, Config, CpuClass, Error, Event, HoldReason, Membership, Memberships, OpenSeats,
	Operator, OperatorCount, OperatorOf, Operators, Pallet, SlotAt, SlotCount, WorkerOf,
};

impl<T: Config> Pallet<T> {
	/// The operator that an account owns or works for.
	pub(crate) fn operator_of(who: &T::AccountId) -> Option<T::AccountId> {
		if Operators::<T>::contains_key(who) {
			return Some(who.clone());
		}
		WorkerOf::<T>::get(who)
	}

	/// Bond that `slots` take, in planck.
	pub(crate) fn bond_of_slots(slots: u32) -> BalanceOf<T> {
		T::SlotBond::get().saturating_mul(slots.into())
	}

	/// An owner may be its own worker; that is for development only.
	fn ensure_free_worker(owner: &T::AccountId, worker: &T::AccountId) -> DispatchResult {
		ensure!(!WorkerOf::<T>::contains_key(worker), Error::<T>::WorkerTaken);
		ensure!(owner == worker || !Operators::<T>::contains_key(worker), Error::<T>::WorkerIsOperator);
		Ok(())
	}

	pub(crate) fn do_register_operator(
		owner: T::AccountId,
		worker: T::AccountId,
		bond: BalanceOf<T>,
	) -> DispatchResult {
		ensure!(!Operators::<T>::contains_key(&owner), Error::<T>::AlreadyOperator);
		ensure!(!WorkerOf::<T>::contains_key(&owner), Error::<T>::OwnerIsWorker);
		Self::ensure_free_worker(&owner, &worker)?;
		ensure!(bond >= T::SlotBond::get(), Error::<T>::BondTooSmall);
		T::Currency::hold(&HoldReason::Bond.into(), &owner, bond)?;
		WorkerOf::<T>::insert(&worker, &owner);
		let operator = Operator {
			worker: worker.clone(),
			bond,
			unbonding: Zero::zero(),
			withdraw_at: None,
			slots_used: 0,
			seats: 0,
			exposed: Zero::zero(),
			completed: 0,
			missed: 0,
			record: Default::default(),
			suspensions: 0,
			suspended_until: None,
			declines: 0,
			declines_since: frame_system::Pallet::<T>::block_number(),
		};
		Operators::<T>::insert(&owner, operator);
		Self::count_bonded(false, !bond.is_zero());
		Self::deposit_event(Event::OperatorRegistered { operator: owner, worker, bond });
		Ok(())
	}

	pub(crate) fn do_set_worker_key(owner: T::AccountId, worker: T::AccountId) -> DispatchResult {
		Self::try_mutate_operator(&owner, |operator| {
			Self::ensure_free_worker(&owner, &worker)?;
			WorkerOf::<T>::remove(&operator.worker);
			WorkerOf::<T>::insert(&worker, &owner);
			operator.worker = worker.clone();
			Ok(())
		})?;
		Self::deposit_event(Event::WorkerKeySet { operator: owner, worker });
		Ok(())
	}

	pub(crate) fn do_bond_more(owner: T::AccountId, amount: BalanceOf<T>) -> DispatchResult {
		ensure!(!amount.is_zero(), Error::<T>::AmountIsZero);
		let total = Self::try_mutate_operator(&owner, |operator| {
			T::Currency::hold(&HoldReason::Bond.into(), &owner, amount)?;
			operator.bond = operator.bond.saturating_add(amount);
			Ok(operator.bond)
		})?;
		Self::deposit_event(Event::Bonded { operator: owner, amount, total });
		Ok(())
	}

	pub(crate) fn do_start_unbond(owner: T::AccountId, amount: BalanceOf<T>) -> DispatchResult {
		ensure!(!amount.is_zero(), Error::<T>::AmountIsZero);
		let at = Self::after(T::UnbondingPeriod::get());
		Self::try_mutate_operator(&owner, |operator| {
			let rest = operator.bond.checked_sub(&amount).ok_or(Error::<T>::NotEnoughBonded)?;
			ensure!(rest >= Self::bond_of_slots(operator.slots_used), Error::<T>::BondNeededForSlots);
			ensure!(rest >= operator.exposed, Error::<T>::BondExposed);
			ensure!(rest.is_zero() || rest >= T::SlotBond::get(), Error::<T>::BondTooSmall);
			operator.bond = rest;
			operator.unbonding = operator.unbonding.saturating_add(amount);
			operator.withdraw_at = Some(at);
			Ok(())
		})?;
		Self::deposit_event(Event::UnbondStarted { operator: owner, amount, at });
		Ok(())
	}

	pub(crate) fn do_withdraw(owner: T::AccountId) -> DispatchResult {
		let (amount, left, worker) = Self::try_mutate_operator(&owner, |operator| {
			// A slash can take the whole bond while its slots are still in the draw: it stays until it has left the models,
			// and has nothing to unbond then.
			let is_bare = operator.bond.is_zero() && operator.slots_used == 0;
			match operator.withdraw_at {
				Some(at) => ensure!(frame_system::Pallet::<T>::block_number() >= at, Error::<T>::StillUnbonding),
				None => ensure!(is_bare, Error::<T>::NothingToWithdraw),
			}
			ensure!(operator.seats == 0 && operator.exposed.is_zero(), Error::<T>::SeatsOpen);
			let amount = operator.unbonding;
			T::Currency::release(&HoldReason::Bond.into(), &owner, amount, Precision::Exact)?;
			operator.unbonding = Zero::zero();
			operator.withdraw_at = None;
			Ok((amount, is_bare, operator.worker.clone()))
		})?;
		if !amount.is_zero() {
			Self::deposit_event(Event::Withdrawn { operator: owner.clone(), amount });
		}
		if left {
			Operators::<T>::remove(&owner);
			WorkerOf::<T>::remove(worker);
			OpenSeats::<T>::remove(&owner);
			Self::deposit_event(Event::OperatorLeft { operator: owner });
		}
		Ok(())
	}

	pub(crate) fn do_join_model(
		owner: T::AccountId,
		model: ModelId,
		slots: u32,
		engine: Digest,
		cpu_class: CpuClass,
	) -> DispatchResult {
		ensure!(slots > 0, Error::<T>::SlotsAreZero);
		let terms = T::Models::terms(model).ok_or(Error::<T>::UnknownModel)?;
		ensure!(engine == terms.engine, Error::<T>::EngineMismatch);
		ensure!(!Memberships::<T>::contains_key(model, &owner), Error::<T>::AlreadyJoined);
		Self::try_mutate_operator(&owner, |operator| {
			let used = operator.slots_used.checked_add(slots).ok_or(Error::<T>::TooManySlots)?;
			ensure!(used <= T::MaxSlotsPerOperator::get(), Error::<T>::TooManySlots);
			ensure!(operator.bond >= Self::bond_of_slots(used), Error::<T>::BondTooSmallForSlots);
			operator.slots_used = used;
			Ok(())
		})?;
		let (proved, proved_before) = (None, None);
		let membership = Membership { slots, engine, cpu_class, proved, proved_before, positions: BoundedVec::new() };
		Memberships::<T>::insert(model, &owner, membership);
		Self::deposit_event(Event::ModelJoined { model, operator: owner, slots, engine, cpu_class });
		Ok(())
	}

	/// Returns the slots that were given up.
	pub(crate) fn do_leave_model(owner: T::AccountId, model: ModelId) -> Result<u32, DispatchError> {
		let membership = Memberships::<T>::take(model, &owner).ok_or(Error::<T>::NotJoined)?;
		if membership.proved.is_some() {
			Self::remove_slots(model, &owner, membership.positions.into_inner());
			OperatorCount::<T>::mutate_exists(model, |count| {
				*count = count.unwrap_or(0).checked_sub(1).filter(|c| *c > 0)
			});
		}
		Self::try_mutate_operator(&owner, |operator| {
			operator.slots_used =
				operator.slots_used.checked_sub(membership.slots).ok_or(ArithmeticError::Underflow)?;
			Ok(())
		})?;
		Self::deposit_event(Event::ModelLeft { model, operator: owner });
		Ok(membership.slots)
	}

	/// Takes down that an operator has proved the model's present version. The first proof puts its slots into the draw.
	/// Returns the slots that were put there.
	pub(crate) fn do_prove_engine(owner: T::AccountId, model: ModelId, result: Digest) -> Result<u32, DispatchError> {
		let weights_root = T::Models::terms(model).ok_or(Error::<T>::UnknownModel)?.weights_root;
		let slots = Memberships::<T>::try_mutate(model, &owner, |membership| -> Result<u32, DispatchError> {
			let membership = membership.as_mut().ok_or(Error::<T>::NotJoined)?;
			ensure!(membership.proved != Some(weights_root), Error::<T>::AlreadyProved);
			let golden = T::Models::golden_result(model).ok_or(Error::<T>::UnknownModel)?;
			ensure!(result == golden, Error::<T>::WrongGoldenResult);
			let before = membership.proved.replace(weights_root);
			if before.is_some() {
				membership.proved_before = before;
				return Ok(0);
			}
			let count = SlotCount::<T>::get(model);
			let end = count.checked_add(membership.slots).ok_or(ArithmeticError::Overflow)?;
			for index in count..end {
				SlotAt::<T>::insert(model, index, &owner);
				membership.positions.try_push(index).map_err(|_| Error::<T>::TooManySlots)?;
			}
			SlotCount::<T>::insert(model, end);
			OperatorCount::<T>::mutate(model, |count| count.saturating_inc());
			Ok(membership.slots)
		})?;
		Self::deposit_event(Event::EngineProved { model, operator: owner, weights_root });
		Ok(slots)
	}

	/// Takes slots out of a model's draw: each gap is filled with the last slot, so that indices stay dense. The owner's
	/// membership is gone already. From the highest position down, no slot that moves is one of those to be removed.
	fn remove_slots(model: ModelId, owner: &T::AccountId, mut positions: alloc::vec::Vec<u32>) {
		positions.sort_unstable();
		let mut count = SlotCount::<T>::get(model);
		for position in positions.into_iter().rev() {
			let Some(last) = count.checked_sub(1) else {
				defensive!("more positions than slots");
				break;
			};
			count = last;
			let Some(moved) = SlotAt::<T>::take(model, last) else {
				defensive!("a gap in the slots");
				continue;
			};
			if last == position {
				continue;
			}
			debug_assert!(&moved != owner);
			SlotAt::<T>::insert(model, position, &moved);
			Memberships::<T>::mutate(model, &moved, |membership| {
				let found = membership.as_mut().and_then(|m| m.positions.iter_mut().find(|p| **p == last));
				match found {
					Some(p) => *p = position,
					None => {
						defensive!("a slot that its holder does not know");
					}
				}
			});
		}
		if count == 0 {
			SlotCount::<T>::remove(model);
		} else {
			SlotCount::<T>::insert(model, count);
		}
	}

	fn try_mutate_operator<R>(
		owner: &T::AccountId,
		change: impl FnOnce(&mut OperatorOf<T>) -> Result<R, DispatchError>,
	) -> Result<R, DispatchError> {
		Operators::<T>::try_mutate(owner, |operator| {
			let operator = operator.as_mut().ok_or(Error::<T>::NotOperator)?;
			let before = !operator.bond.is_zero();
			let result = change(operator)?;
			Self::count_bonded(before, !operator.bond.is_zero());
			Ok(result)
		})
	}

	/// Keeps the count of operators with a bond: whether one had and has one.
	pub(crate) fn count_bonded(before: bool, after: bool) {
		match (before, after) {
			(false, true) => BondedOperators::<T>::mutate(|count| *count = count.saturating_add(1)),
			(true, false) => BondedOperators::<T>::mutate(|count| *count = count.saturating_sub(1)),
			(true, true) | (false, false) => (),
		}
	}
}
