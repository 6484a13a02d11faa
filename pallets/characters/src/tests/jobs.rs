use frame_support::assert_ok;

use super::{free, held};
use autonomy_primitives::CharacterId;

use crate::{memory, mock::*, Division, Event, HoldReason, Memory, Spent, Talks};

fn talk(who: u8, character: CharacterId) {
	let message = b"hello".to_vec().try_into().unwrap();
	assert_ok!(Characters::talk(signed(who), character, message, 1_000_000));
}

#[test]
fn final_job_should_extend_the_memory_and_divide_the_surcharge() {
	build_and_execute(|| {
		let ada = create(ALICE);
		let before = free(ALICE);
		talk(BOB, ada);
		finalise(1, ada, BOB);
		let result = sp_io::hashing::blake2_256(&1u64.to_le_bytes());
		let memory = memory::remember(&memory::no_memory(ada), 1, &result);
		assert_eq!(Characters::memory_at(ada), memory);
		// Nobody has bonded: the parts of investors and fans are the treasury's.
		assert_eq!((free(ALICE) - before, free(PLATFORM) - FUNDS), (150, 25));
		assert_eq!(Balances::free_balance(treasury(ada)), 150 + 75 + 100);
		assert_eq!((held(HoldReason::Surcharge, BOB), free(BOB)), (0, FUNDS - 500));
		let paid = Division { owner: 150, investors: 150, treasury: 100, fans: 75, platform: 25 };
		let appended = Event::MemoryAppended { character: ada, job: 1, requester: account(BOB), result, memory };
		let all = events();
		assert_eq!(all[all.len() - 2..], [appended, Event::SurchargeSettled { job: 1, character: ada, paid }]);
	});
}

#[test]
fn surcharge_should_go_to_the_pots_of_fans_and_investors() {
	build_and_execute(|| {
		use autonomy_primitives::community::Pot;
		let ada = create(ALICE);
		bond(CAROL, ada, 1_000);
		talk(BOB, ada);
		finalise(1, ada, BOB);
		// Dust of 1 may stay in the pot.
		assert!((74..=75).contains(&Bonds::claimable(account(CAROL), community(ada), Pot::Auton)));
		assert_eq!(Balances::free_balance(treasury(ada)), 150 + 100);
	});
}

#[test]
fn failed_job_should_give_the_surcharge_back_and_leave_no_memory() {
	build_and_execute(|| {
		let ada = create(ALICE);
		talk(BOB, ada);
		fail(1);
		assert_eq!((free(BOB), Talks::<Test>::get(1)), (FUNDS, None));
		assert_eq!(Characters::memory_at(ada), memory::no_memory(ada));
		// Nothing of it is left to settle.
		fail(1);
		assert_eq!(free(BOB), FUNDS);
	});
}

#[test]
fn small_surcharge_should_not_be_lost() {
	build_and_execute(|| {
		let ada = create(ALICE);
		JobFee::set(1);
		talk(BOB, ada);
		assert_eq!(held(HoldReason::Surcharge, BOB), ED);
		let before = free(ALICE);
		finalise(1, ada, BOB);
		// Of 10, owner 3 and nothing for the platform. The treasury does not exist and cannot take the rest.
		assert_eq!((free(ALICE) - before, Balances::free_balance(treasury(ada)), free(BOB)), (3, 0, FUNDS - 3));
	});
}

#[test]
fn memory_should_be_provable_by_the_events() {
	build_and_execute(|| {
		let ada = create(ALICE);
		for job in 5..10 {
			finalise(job, ada, BOB);
		}
		let mut memory = memory::no_memory(ada);
		for event in events() {
			if let Event::MemoryAppended { job, result, memory: said, .. } = event {
				memory = memory::remember(&memory, job, &result);
				assert_eq!(memory, said);
			}
		}
		assert_eq!(Characters::memory_at(ada), memory);
		assert_eq!(memory, Memory { head: memory.head, sequence: 5 });
	});
}

#[test]
fn spend_should_be_recorded_for_characters_only() {
	build_and_execute(|| {
		let ada = create(ALICE);
		spend(BOB, ada, 30);
		spend(BOB, ada, 12);
		assert_eq!(Spent::<Test>::get(ada, account(BOB)), 42);
		let event = Event::SpendRecorded { character: ada, who: account(BOB), amount: 12 };
		assert_eq!(last_event(), event);
		spend(BOB, 9, 30);
		spend(CAROL, ada, 0);
		assert_eq!(last_event(), event);
	});
}
