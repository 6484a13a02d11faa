// What a ballot's file must be, without a chain.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Reasons, type Run, check, decide } from './reasons.js';

const run = (decision: number, stance: string, prose: string | null = null): Run => ({
	prose,
	stance,
	decision,
	reason: 'What works should be left alone.',
});

const file = (fields: Partial<Reasons>): Reasons => {
	const all = { decision: -50, question: 'Proposal 1?', persona: 'bafkrei', runs: [run(-50, 'against')], reasons: 'a5'.repeat(32) };
	return { ...all, ...fields };
};

test('decision_should_be_the_weaker_of_both_runs', () => {
	assert.equal(decide([run(100, 'strongly for'), run(50, 'for')]), 50);
	assert.equal(decide([run(-50, 'against'), run(-100, 'strongly against')]), -50);
	assert.equal(decide([run(100, 'strongly for'), run(0, 'neutral')]), 0);
	assert.equal(decide([run(50, 'for')]), 50);
});

test('decision_should_be_none_when_the_words_turn_it_round', () => {
	assert.equal(decide([run(50, 'for'), run(-50, 'against')]), null);
});

test('file_should_be_refused_when_its_decision_does_not_follow', () => {
	check(file({}));
	check(file({ decision: null, runs: [run(50, 'for', 'Please.'), run(-50, 'against')] }));
	assert.throws(() => check(file({ decision: 50 })));
	assert.throws(() => check(file({ runs: [run(50, 'against')] })));
	assert.throws(() => check(file({ runs: [] })));
	assert.throws(() => check(file({ reasons: '0x' })));
	assert.throws(() => check({ ...file({}), more: 1 }));
});
