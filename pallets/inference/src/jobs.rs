//! Jobs: what they cost, their submission and their cancellation.

use autonomy_primitives::{
	digest,
	job::{JobInput, SeedPolicy},
	model::{ModelAccess, ModelRegistry, ModelTerms},
	JobId, ModelId,
};
use codec::{Encode, MaxEncodedLen};
use frame_support::{
	ensure,
	pallet_prelude::{DispatchError, DispatchResult},
	traits::{fungible::MutateHold, Get},
	BoundedVec,
};
use sp_runtime::{
	traits::{BlakeTwo256, CheckedMul, Hash, Saturating, Zero},
	ArithmeticError,
};

use crate::{
	maths, Agenda, BalanceOf, Config, Error, Event, HoldReason, Job, JobState, Jobs, NextJobId, OpenJobs,
	OperatorCount, Pallet, Quote, Seat, Split, Tier,
};

type Terms<T> = ModelTerms<<T as frame_system::Config>::AccountId, BalanceOf<T>>;
/// A model, the tier of a job on it, and what the job costs.
type Quoted<T> = (Terms<T>, Tier, Quote<BalanceOf<T>>);

impl<T: Config> Pallet<T> {
	/// Checks an input against a model and prices it.
	pub(crate) fn do_quote(
		model: ModelId,
		input: &JobInput,
		k: Option<u8>,
		tier: Option<Tier>,
	) -> Result<Quoted<T>, Error<T>> {
		let terms = T::Models::terms(model).ok_or(Error::<T>::UnknownModel)?;
		ensure!(terms.active, Error::<T>::ModelInactive);
		input.check(terms.modality, &terms.limits)?;
		let tier = tier.unwrap_or_else(|| Tier::of(terms.modality));
		ensure!(tier >= Tier::of(terms.modality), Error::<T>::TierTooLow);
		let rules = Self::tiers().of(tier);
		let (min, max) = (T::MinCommittee::get(), T::MaxCommittee::get());
		let k = k.unwrap_or_else(|| rules.committee.clamp(min, max));
		ensure!((min..=max).contains(&k), Error::<T>::CommitteeSizeOutOfRange);
		let units = input.units();
		let seat_fee = terms.price_per_unit.checked_mul(&units.into()).ok_or(Error::<T>::FeeOverflow)?;
		let fee = seat_fee.checked_mul(&k.into()).ok_or(Error::<T>::FeeOverflow)?;
		let audit_reserve = if rules.audit.is_zero() { Zero::zero() } else { Self::audit_pay(seat_fee)? };
		let deposit = Self::job_deposit(input, k);
		Ok((terms, tier, Quote { seat_fee, fee, audit_reserve, deposit, units, k }))
	}

	/// What an audit is paid, in planck.
	fn audit_pay(seat_fee: BalanceOf<T>) -> Result<BalanceOf<T>, Error<T>> {
		let thousandths = seat_fee.checked_mul(&Self::disputes().audit_pay.into()).ok_or(Error::<T>::FeeOverflow)?;
		Ok(thousandths / 1_000u32.into())
	}

	/// Storage deposit for the encoded size of the input and `k` seats.
	fn job_deposit(input: &JobInput, k: u8) -> BalanceOf<T> {
		let seat = Seat::<T::AccountId, crate::BlockNumberFor<T>>::max_encoded_len();
		let bytes = input.encoded_size().saturating_add(seat.saturating_mul(k.into()));
		let bytes: BalanceOf<T> = u32::try_from(bytes).unwrap_or(u32::MAX).into();
		T::JobDepositBase::get().saturating_add(T::JobDepositPerByte::get().saturating_mul(bytes))
	}

	pub(crate) fn do_submit_job(
		requester: T::AccountId,
		model: ModelId,
		input: JobInput,
		k: Option<u8>,
		tier: Option<Tier>,
		seed_policy: SeedPolicy,
		max_fee: BalanceOf<T>,
	) -> Result<JobId, DispatchError> {
		let (terms, tier, quote) = Self::do_quote(model, &input, k, tier)?;
		ensure!(T::Access::may_use(model, &requester), Error::<T>::LicenceMissing);
		let Quote { seat_fee, fee, audit_reserve, deposit, k, .. } = quote;
		let most = fee.saturating_add(audit_reserve);
		ensure!(most <= max_fee, Error::<T>::FeeAboveLimit);
		ensure!(OperatorCount::<T>::get(model) >= k.into(), Error::<T>::NotEnoughOperators);
		OpenJobs::<T>::try_mutate(&requester, |open| {
			ensure!(*open < T::MaxOpenJobsPerAccount::get(), Error::<T>::TooManyOpenJobs);
			open.saturating_inc();
			Ok::<_, DispatchError>(())
		})?;
		T::Currency::hold(&HoldReason::JobFee.into(), &requester, most)?;
		T::Currency::hold(&HoldReason::JobDeposit.into(), &requester, deposit)?;
		let id = NextJobId::<T>::get();
		NextJobId::<T>::put(id.checked_add(1).ok_or(ArithmeticError::Overflow)?);
		let draw_at = Self::after(Self::timing().draw_delay);
		let (rules, disputes, split) = (Self::tiers().of(tier), Self::disputes(), Self::fee_split());
		let job = Job {
			requester: requester.clone(),
			model,
			input_hash: digest::input_hash(&input),
			input,
			k,
			tier,
			seed_policy,
			seed: None,
			seat_fee,
			audit_reserve,
			deposit,
			exposure: maths::exposure(seat_fee, disputes.exposure_factor, rules.least_exposure),
			audit_probability: rules.audit,
			window: rules.window,
			split: Split { beneficiary: terms.owner, model: split.model, burn: split.burn, fault_pay: split.fault_pay },
			round: 0,
			tries: 0,
			redraws: 0,
			state: JobState::Open { draw_at },
			seats: BoundedVec::new(),
			auditor: None,
			challenge: None,
			excluded: BoundedVec::new(),
			submitted_at: frame_system::Pallet::<T>::block_number(),
			weights_root: terms.weights_root,
			engine: terms.engine,
			budget: terms.budget,
		};
		Self::deposit_event(Event::JobSubmitted {
			job: id,
			requester,
			model,
			tier,
			k,
			fee,
			audit_reserve,
			deposit,
			exposure: job.exposure,
			draw_at,
		});
		Jobs::<T>::insert(id, job);
		Agenda::<T>::insert(draw_at, id, ());
		Ok(id)
	}

	pub(crate) fn do_cancel_job(who: T::AccountId, id: JobId) -> DispatchResult {
		let job = Jobs::<T>::get(id).ok_or(Error::<T>::UnknownJob)?;
		ensure!(job.requester == who, Error::<T>::NotRequester);
		ensure!(matches!(job.state, JobState::Open { .. }), Error::<T>::NotOpen);
		let refunded = Self::refund(&job);
		Self::remove(id, &job);
		Self::deposit_event(Event::JobCancelled { job: id, refunded });
		Ok(())
	}
}

/// The operator's 32 bytes in a commitment: its account as it is encoded, or the hash of that where accounts are not 32
/// bytes long.
pub(crate) fn account_bytes<AccountId: Encode>(account: &AccountId) -> [u8; 32] {
	account.using_encoded(|bytes| bytes.try_into().unwrap_or_else(|_| BlakeTwo256::hash(bytes).0))
}
