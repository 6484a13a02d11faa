//! Weights of the calls, and of what other pallets ask.
//!
//! Database reads and writes are counted from the code at their worst. The execution time is an assumed constant for
//! each call. Both are conservative; weights measured with `benchmarking` take their place.

use core::marker::PhantomData;
use frame_support::{
	traits::Get,
	weights::{constants::WEIGHT_REF_TIME_PER_MICROS, Weight},
};

/// Weights that the pallet needs, and its neighbours.
pub trait WeightInfo {
	/// Weight of `bond`.
	fn bond() -> Weight;
	/// Weight of `extend`.
	fn extend() -> Weight;
	/// Weight of `unbond`.
	fn unbond() -> Weight;
	/// Weight of `withdraw`.
	fn withdraw() -> Weight;
	/// Weight of `claim`.
	fn claim() -> Weight;
	/// Weight of `delegate`.
	fn delegate() -> Weight;
	/// Weight of `undelegate`.
	fn undelegate() -> Weight;
	/// Weight of `expire_delegation`.
	fn expire_delegation() -> Weight;
	/// Weight of `poke_bond`.
	fn poke_bond() -> Weight;
	/// Weight of `Communities::open`.
	fn open() -> Weight;
	/// Weight of `Communities::attach_shares`.
	fn attach_shares() -> Weight;
	/// Weight of `Communities::close`.
	fn close() -> Weight;
	/// Weight of `Communities::set_claims_frozen`.
	fn set_claims_frozen() -> Weight;
	/// Weight of `PowerSink::set_power`.
	fn set_power() -> Weight;
	/// Weight of `RevenueSink::account` and `RevenueSink::distribute`.
	fn distribute() -> Weight;
}

/// Execution time of one call without its database access, in picoseconds.
const CALL: u64 = 400 * WEIGHT_REF_TIME_PER_MICROS;
/// Bytes of proof for one database entry of this pallet, at most.
const ENTRY: u64 = 6 * 1024;

/// Counted weights with the runtime's own database costs.
pub struct SubstrateWeight<T>(PhantomData<T>);

impl<T: frame_system::Config> SubstrateWeight<T> {
	fn counted(reads: u64, writes: u64) -> Weight {
		Weight::from_parts(CALL, ENTRY.saturating_mul(reads))
			.saturating_add(T::DbWeight::get().reads_writes(reads, writes))
	}
}

impl<T: frame_system::Config> WeightInfo for SubstrateWeight<T> {
	/// DayLength, Communities, Portfolios, Pots, Bonds, Unbonding, OwnPower, ClassTotals; Delegations and Inbound of both
	/// topics; the accounts of bonder and pot, freezes, locks and vesting, or for shares the asset's account, freezes and
	/// frozen balance. Writes all but DayLength, Unbonding, Delegations, locks and vesting.
	fn bond() -> Weight {
		Self::counted(19, 12)
	}
	/// DayLength, Bonds, Pots, Unbonding, OwnPower, ClassTotals; Delegations and Inbound of both topics.
	fn extend() -> Weight {
		Self::counted(10, 6)
	}
	/// DayLength, Bonds, Pots, Unbonding, OwnPower, ClassTotals; Delegations and Inbound of both topics.
	fn unbond() -> Weight {
		Self::counted(10, 7)
	}
	/// DayLength, Communities, Unbonding, Bonds, Pots, OwnPower, Portfolios; the account, freezes and locks.
	fn withdraw() -> Weight {
		Self::counted(12, 8)
	}
	/// DayLength, Communities, Bonds, Pots, Unbonding, OwnPower, Portfolios; the accounts of pot and claimer.
	fn claim() -> Weight {
		Self::counted(10, 6)
	}
	/// DayLength, Communities, OwnPower, Delegations of both, Inbound of delegator, delegate and former delegate.
	fn delegate() -> Weight {
		Self::counted(9, 3)
	}
	/// DayLength, Delegations, OwnPower, Inbound.
	fn undelegate() -> Weight {
		Self::counted(4, 2)
	}
	/// DayLength, Delegations, OwnPower, Inbound.
	fn expire_delegation() -> Weight {
		Self::counted(4, 2)
	}
	/// DayLength, Communities, Portfolios, Pots, Bonds, Unbonding, OwnPower, ClassTotals; Delegations and Inbound of both
	/// topics; the account, freezes, locks and vesting.
	fn poke_bond() -> Weight {
		Self::counted(18, 12)
	}
	/// NextCommunityId, CommunityByShares, the asset; writes Communities too.
	fn open() -> Weight {
		Self::counted(3, 3)
	}
	/// Communities, CommunityByShares, the asset.
	fn attach_shares() -> Weight {
		Self::counted(3, 2)
	}
	/// Communities, ClassTotals of all classes, both pots and their accounts, the treasury; writes CommunityByShares too.
	fn close() -> Weight {
		Self::counted(14, 17)
	}
	/// Communities.
	fn set_claims_frozen() -> Weight {
		Self::counted(1, 1)
	}
	/// DayLength, Communities, OwnPower, ClassTotals; Delegations and Inbound of both topics.
	fn set_power() -> Weight {
		Self::counted(8, 4)
	}
	/// Pots, once more for the account to pay; the accounts of pot and treasury.
	fn distribute() -> Weight {
		Self::counted(4, 3)
	}
}

/// No cost at all, for the mock.
impl WeightInfo for () {
	fn bond() -> Weight {
		Weight::zero()
	}
	fn extend() -> Weight {
		Weight::zero()
	}
	fn unbond() -> Weight {
		Weight::zero()
	}
	fn withdraw() -> Weight {
		Weight::zero()
	}
	fn claim() -> Weight {
		Weight::zero()
	}
	fn delegate() -> Weight {
		Weight::zero()
	}
	fn undelegate() -> Weight {
		Weight::zero()
	}
	fn expire_delegation() -> Weight {
		Weight::zero()
	}
	fn poke_bond() -> Weight {
		Weight::zero()
	}
	fn open() -> Weight {
		Weight::zero()
	}
	fn attach_shares() -> Weight {
		Weight::zero()
	}
	fn close() -> Weight {
		Weight::zero()
	}
	fn set_claims_frozen() -> Weight {
		Weight::zero()
	}
	fn set_power() -> Weight {
		Weight::zero()
	}
	fn distribute() -> Weight {
		Weight::zero()
	}
}
