/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_operation.c - what operations are called: one spot of each interface, and the order */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "rpcgate.h"

static const struct row {
	const char *uuid;
	uint16_t opnum;
	const char *name; /* NULL: not known */
} rows[] = {
	/* what attackers ask for */
	{ "e3514235-4b06-11d1-ab04-00c04fc2dcd2", 3, "DRSGetNCChanges" },
	{ "12345678-1234-abcd-ef00-01234567cffb", 4, "NetrServerReqChallenge" },
	{ "12345678-1234-abcd-ef00-01234567cffb", 26, "NetrServerAuthenticate3" },
	{ "12345678-1234-abcd-ef00-01234567cffb", 30, "NetrServerPasswordSet2" },
	{ "76f03f96-cdfd-44fc-a22c-64950a001209", 39, "RpcAsyncAddPrinterDriver" },
	{ "12345678-1234-abcd-ef00-0123456789ab", 65,
	  "RpcRemoteFindFirstPrinterChangeNotificationEx" },
	{ "12345678-1234-abcd-ef00-0123456789ab", 89, "RpcAddPrinterDriverEx" },
	{ "367abb81-9844-35f1-ad32-98f038001003", 12, "RCreateServiceW" },
	{ "86d35949-83c9-4044-b424-db363231fd0c", 1, "SchRpcRegisterTask" },
	{ "c681d488-d850-11d0-8c52-00c04fd90f7e", 0, "EfsRpcOpenFileRaw" },
	{ "df1941c5-fe89-4e79-bf10-463657acf44d", 4, "EfsRpcEncryptFileSrv" },
	{ "4fc742e0-4a10-11cf-8273-00aa004ae673", 12, "NetrDfsAddStdRoot" },
	{ "4fc742e0-4a10-11cf-8273-00aa004ae673", 13, "NetrDfsRemoveStdRoot" },
	{ "a8e0653c-2744-4389-a61d-7373df8b2292", 8, "IsPathSupported" },
	{ "a8e0653c-2744-4389-a61d-7373df8b2292", 9, "IsPathShadowCopied" },
	{ "50abc2a4-574d-40b3-9d66-ee4fd5fba076", 0, "R_DnssrvOperation" },
	{ "000001a0-0000-0000-c000-000000000046", 4, "RemoteCreateInstance" },
	{ "12345778-1234-abcd-ef00-0123456789ac", 64, "SamrConnect5" },
	{ "12345778-1234-abcd-ef00-0123456789ab", 44, "LsarOpenPolicy2" },
	{ "12345778-1234-abcd-ef00-0123456789ab", 77, "LsarLookupNames4" },
	/* the others */
	{ "e1af8308-5d1f-11c9-91a4-08002b14a0fa", 3, "ept_map" },
	{ "afa8bd80-7d8a-11c9-bef4-08002b102989", 0, "inq_if_ids" },
	{ "99fcfec4-5260-101b-bbcb-00aa0021347a", 4, "ResolveOxid2" },
	{ "4d9f4ab8-7d1c-11cf-861e-0020af6e7c57", 0, "RemoteActivation" },
	{ "00000131-0000-0000-c000-000000000046", 3, "RemQueryInterface" },
	{ "00000143-0000-0000-c000-000000000046", 6, "RemQueryInterface2" },
	{ "338cd001-2244-31f1-aaaa-900038001003", 15, "BaseRegOpenKey" },
	{ "338cd001-2244-31f1-aaaa-900038001003", 24, "BaseInitiateSystemShutdown" },
	{ "4b324fc8-1670-01d3-1278-5a47bf6ee188", 15, "NetrShareEnum" },
	{ "6bffd098-a112-3610-9833-46c3f87e345a", 22, "NetrJoinDomain2" },
	{ "1ff70682-0a51-30e8-076d-740be8cee98b", 0, "NetrJobAdd" },
	{ "897e2e5f-93f3-4376-9c9c-fd2277495c27", 15, "RawGetFileDataAsync" },
	{ "91ae6020-9e3c-11cf-8d7c-00aa00c091be", 0, "CertServerRequest" },
	{ "9556dc99-828c-11cf-a37e-00aa003240c7", 24, "ExecMethod" },
	{ "f309ad18-d86a-11d0-a075-00c04fb68820", 6, "NTLMLogin" },
	{ "82273fdc-e32a-18c3-3f78-827929dc23ea", 0, "ElfrClearELFW" },
	{ "f6beaff7-1e19-4fbb-9f8f-b89e2018337c", 6, "EvtRpcClearLog" },
	/* not used on the wire, past the end, no such interface */
	{ "897e2e5f-93f3-4376-9c9c-fd2277495c27", 14, NULL },
	{ "12345778-1234-abcd-ef00-0123456789ac", 63, NULL },
	{ "e3514235-4b06-11d1-ab04-00c04fc2dcd2", 31, NULL },
	{ "e3514235-4b06-11d1-ab04-00c04fc2dcd2", 65535, NULL },
	{ "00000000-0000-0000-0000-000000000000", 0, NULL },
	{ "ffffffff-ffff-ffff-ffff-ffffffffffff", 65535, NULL },
};

static void name_is_known(void **state)
{
	struct rpcgate_uuid uuid;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct row *r = &rows[i];
		const char *name;

		assert_true(rpcgate_uuid_parse(r->uuid, &uuid));
		name = rpcgate_operation_name(&uuid, r->opnum);
		if (r->name ? !name || strcmp(name, r->name) != 0 : name != NULL)
			fail_msg("%s %u is %s, not %s", r->uuid, r->opnum, name ? name : "nothing",
				 r->name ? r->name : "nothing");
	}
}

/* Every interface of the catalogue: its operations are in order, have a document, and are found */
static void listing_agrees(void **state)
{
	const struct rpcgate_interface *known;
	size_t total = 0;

	(void)state;
	for (size_t i = 0; (known = rpcgate_interface_at(i)); i++) {
		const struct rpcgate_operation *o;
		size_t n;

		o = rpcgate_operations_of(&known->id.uuid, &n);
		assert_true(n ? o != NULL : o == NULL);
		for (size_t k = 0; k < n; k++) {
			assert_memory_equal(&o[k].interface, &known->id.uuid, 16);
			assert_true(!k || o[k - 1].opnum < o[k].opnum);
			assert_true(o[k].source[0]);
			assert_ptr_equal(rpcgate_operation_name(&known->id.uuid, o[k].opnum),
					 o[k].name);
		}
		total += n;
	}
	assert_true(total >= 718);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(name_is_known),
		cmocka_unit_test(listing_agrees),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
