/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_checksum.c - right, wrong, left to the network card, and not to be known
 *
 * The sums are made here a second time, word by word in network order.
 */
#include "checksum.h"
#include "octets.h"
#include "rows.h"

enum field {
	RIGHT,
	OFF_BY_ONE,
	ZERO,
	PSEUDO,           /* the sum of the pseudo header: what a host leaves to the card */
	PSEUDO_NO_LENGTH, /* the same for large segments */
	PSEUDO_INVERTED   /* the complement of it is no such thing */
};

enum header { HEADER_RIGHT, HEADER_WRONG, HEADER_ZERO };

struct sum_row {
	const char *name;
	bool ipv6;
	size_t payload;
	enum field field;
	enum header header;
	size_t missing; /* octets that were not captured */
	enum checksum want;
};

static const struct sum_row rows[] = {
	{ "right", false, 4, RIGHT, HEADER_RIGHT, 0, CHECKSUM_GOOD },
	{ "without payload", false, 0, RIGHT, HEADER_RIGHT, 0, CHECKSUM_GOOD },
	{ "an odd octet at the end", false, 5, RIGHT, HEADER_RIGHT, 0, CHECKSUM_GOOD },
	{ "two octets beyond a word", false, 6, RIGHT, HEADER_RIGHT, 0, CHECKSUM_GOOD },
	{ "three octets beyond a word", false, 7, RIGHT, HEADER_RIGHT, 0, CHECKSUM_GOOD },
	{ "a full segment", false, 1460, RIGHT, HEADER_RIGHT, 0, CHECKSUM_GOOD },
	{ "the longest there is", false, 65495, RIGHT, HEADER_RIGHT, 0, CHECKSUM_GOOD },
	{ "IPv6", true, 5, RIGHT, HEADER_RIGHT, 0, CHECKSUM_GOOD },
	{ "IPv6, the longest there is", true, 65515, RIGHT, HEADER_RIGHT, 0, CHECKSUM_GOOD },
	{ "IPv6, a segment that the card was to cut up", true, 70001, RIGHT, HEADER_RIGHT, 0,
	  CHECKSUM_GOOD },
	{ "wrong by one", false, 4, OFF_BY_ONE, HEADER_RIGHT, 0, CHECKSUM_BAD },
	{ "IPv6 wrong by one", true, 4, OFF_BY_ONE, HEADER_RIGHT, 0, CHECKSUM_BAD },
	{ "zero is left to the card", false, 4, ZERO, HEADER_RIGHT, 0, CHECKSUM_PARTIAL },
	{ "so is the pseudo header's sum", false, 4, PSEUDO, HEADER_RIGHT, 0, CHECKSUM_PARTIAL },
	{ "and the one without the length", false, 4, PSEUDO_NO_LENGTH, HEADER_RIGHT, 0,
	  CHECKSUM_PARTIAL },
	{ "the same over IPv6", true, 4, PSEUDO, HEADER_RIGHT, 0, CHECKSUM_PARTIAL },
	{ "without the length over IPv6", true, 70001, PSEUDO_NO_LENGTH, HEADER_RIGHT, 0,
	  CHECKSUM_PARTIAL },
	{ "its complement is merely wrong", false, 4, PSEUDO_INVERTED, HEADER_RIGHT, 0,
	  CHECKSUM_BAD },
	{ "a wrong IP header", false, 4, RIGHT, HEADER_WRONG, 0, CHECKSUM_BAD },
	{ "an IP header left to the card", false, 4, RIGHT, HEADER_ZERO, 0, CHECKSUM_PARTIAL },
	{ "one octet was not captured", false, 4, RIGHT, HEADER_RIGHT, 1, CHECKSUM_UNKNOWN },
	{ "a wrong sum of what was not captured", false, 4, OFF_BY_ONE, HEADER_RIGHT, 4,
	  CHECKSUM_UNKNOWN },
	{ "a wrong IP header is wrong even so", false, 4, RIGHT, HEADER_WRONG, 1, CHECKSUM_BAD },
};

static uint32_t add(uint32_t sum, const uint8_t *p, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		sum += i % 2 ? p[i] : (uint32_t)p[i] << 8;
		sum = (sum & 0xffff) + (sum >> 16);
	}
	return sum;
}

static uint32_t pseudo(const struct packet *p, bool ipv6, uint32_t length)
{
	const uint8_t rest[8] = { (uint8_t)(length >> 24),
				  (uint8_t)(length >> 16),
				  (uint8_t)(length >> 8),
				  (uint8_t)length,
				  0,
				  0,
				  0,
				  6 };
	size_t skip = ipv6 ? 0 : 12;
	uint32_t sum = add(0, p->src.octet + skip, 16 - skip);

	sum = add(sum, p->dst.octet + skip, 16 - skip);
	return add(sum, rest, sizeof(rest));
}

static uint16_t field_of(const struct packet *p, const struct sum_row *row, uint32_t length)
{
	switch (row->field) {
	case ZERO:
		return 0;
	case PSEUDO:
		return (uint16_t)pseudo(p, row->ipv6, length);
	case PSEUDO_NO_LENGTH:
		return (uint16_t)pseudo(p, row->ipv6, 0);
	case PSEUDO_INVERTED:
		return (uint16_t)~pseudo(p, row->ipv6, length);
	default:
		return (uint16_t)(~add(pseudo(p, row->ipv6, length), p->l4.p, length) +
				  (row->field == OFF_BY_ONE));
	}
}

static void fill_header(uint8_t header[20], enum header how)
{
	uint32_t sum;

	memset(header, 0x45, 20);
	header[10] = header[11] = 0;
	sum = ~add(0, header, 20) + (how == HEADER_WRONG);
	if (how == HEADER_ZERO)
		return;
	header[10] = (uint8_t)(sum >> 8);
	header[11] = (uint8_t)sum;
}

static void sum_row(void **state)
{
	static uint8_t octets[20 + 70001];
	const struct sum_row *row = *state;
	struct random r = { 5 };
	uint8_t header[20];
	struct packet p = { .l4_len = (uint32_t)(20 + row->payload) };
	uint16_t field;

	for (size_t i = 0; i < p.l4_len; i++)
		octets[i] = (uint8_t)random_next(&r);
	octets[16] = octets[17] = 0;
	for (size_t i = 0; i < 16; i++) {
		p.src.octet[i] = (uint8_t)random_next(&r);
		p.dst.octet[i] = (uint8_t)random_next(&r);
	}
	if (!row->ipv6) {
		p.src = (struct rpcgate_addr){ { [10] = 0xff, 0xff, 192, 0, 2, 10 } };
		p.dst = (struct rpcgate_addr){ { [10] = 0xff, 0xff, 192, 0, 2, 20 } };
		fill_header(header, row->header);
		p.ip_header = (struct bytes){ header, sizeof(header) };
	}
	p.l4 = (struct bytes){ octets, p.l4_len - row->missing };
	field = field_of(&p, row, p.l4_len);
	octets[16] = (uint8_t)(field >> 8);
	octets[17] = (uint8_t)field;
	assert_int_equal(checksum_verify(&p), row->want);
	assert_int_equal(checksum_header(&p), row->header == HEADER_WRONG ? CHECKSUM_BAD :
					      row->header == HEADER_ZERO  ? CHECKSUM_PARTIAL :
									    CHECKSUM_GOOD);
}

static void every_octet_counts(struct packet *p, uint8_t *octets)
{
	const struct sum_row right = { .ipv6 = true, .field = RIGHT };
	uint16_t field;

	for (size_t i = 0; i < p->l4.n; i++)
		octets[i] = (uint8_t)(i * 37 + 1);
	octets[16] = octets[17] = 0;
	field = field_of(p, &right, p->l4_len);
	octets[16] = (uint8_t)(field >> 8);
	octets[17] = (uint8_t)field;
	assert_int_equal(checksum_verify(p), CHECKSUM_GOOD);
	for (size_t i = 0; i < p->l4.n; i++) {
		octets[i] ^= 0x80;
		assert_int_equal(checksum_verify(p), CHECKSUM_BAD);
		octets[i] ^= 0x80;
	}
}

/* In both halves of a word, at the end, and in what is summed many octets at a time */
static void one_octet_changed_is_noticed(void **state)
{
	uint8_t octets[262];

	(void)state;
	for (uint32_t n = 20; n <= sizeof(octets); n++) {
		struct packet p = { .l4 = { octets, n }, .l4_len = n };

		every_octet_counts(&p, octets);
		for (size_t i = 0; i < 32; i++) {
			uint8_t *octet = i < 16 ? &p.src.octet[i] : &p.dst.octet[i - 16];

			*octet ^= 1;
			assert_int_equal(checksum_verify(&p), CHECKSUM_BAD);
			*octet ^= 1;
		}
	}
}

/* More of the largest words than a sum of 32 bits can hold */
static void the_longest_of_ones_is_right(void **state)
{
	static uint8_t octets[0x90003];
	struct packet p = { .l4 = { octets, sizeof(octets) }, .l4_len = sizeof(octets) };
	const struct sum_row right = { .ipv6 = true, .field = RIGHT };
	uint16_t field;

	(void)state;
	memset(octets, 0xff, sizeof(octets));
	octets[16] = octets[17] = 0;
	field = field_of(&p, &right, p.l4_len);
	octets[16] = (uint8_t)(field >> 8);
	octets[17] = (uint8_t)field;
	assert_int_equal(checksum_verify(&p), CHECKSUM_GOOD);
}

int main(void)
{
	struct CMUnitTest tests[ARRAY_SIZE(rows) + 2] = {
		cmocka_unit_test(one_octet_changed_is_noticed),
		cmocka_unit_test(the_longest_of_ones_is_right),
	};
	size_t n = 2;

	ROWS(tests, n, rows, sum_row);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
