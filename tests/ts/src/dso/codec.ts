// Values of the chain as plain ones: polkadot.js builds their types from the metadata, so that TypeScript knows none of them.

import assert from 'node:assert/strict';
import type { Codec } from '@polkadot/types/types';

/** The fields of a struct. */
export const fields = (value: Codec | undefined): Record<string, Codec> => {
	assert.ok(value, 'a struct is missing');
	return value as unknown as Record<string, Codec>;
};

/** The items of a list or a tuple. */
export const items = (value: Codec | undefined): Codec[] => {
	assert.ok(value, 'a list is missing');
	return value as unknown as Codec[];
};

/** What is in an option, if anything. */
export function optional(value: Codec | undefined): Codec | undefined {
	assert.ok(value, 'an option is missing');
	const option = value as unknown as { isSome: boolean; unwrap(): Codec };
	return option.isSome ? option.unwrap() : undefined;
}

/** What is in an option that must have something. */
export function some(value: Codec | undefined, what: string): Codec {
	const found = optional(value);
	assert.ok(found, `there is no ${what}`);
	return found;
}

/** A value of an enum: its name, and what it carries. */
export function variant(value: Codec | undefined): { name: string; inner: Codec } {
	assert.ok(value, 'an enum is missing');
	const { type, inner } = value as unknown as { type: string; inner: Codec };
	return { name: type, inner };
}

/** The text of a value of bytes. */
export const text = (value: Codec | undefined): string => {
	assert.ok(value, 'a text is missing');
	return Buffer.from(value.toHex().slice(2), 'hex').toString('utf8');
};
