#pragma once

#include "api/call.hpp"

namespace trunkline::api {

// One function per endpoint, named in the route table of api.cpp. Captures are in the order of the path.

void get_healthz(CallPtr call);
void get_readyz(CallPtr call);
void get_metrics(CallPtr call);
void get_status(CallPtr call);
void get_event(CallPtr call);
void post_backup(CallPtr call);
void get_tap(CallPtr call);
void post_reload(CallPtr call);
void post_matches(CallPtr call);
void post_explain(CallPtr call);
void get_why(CallPtr call);

void get_alarms(CallPtr call);
void get_consumers(CallPtr call);
void get_consumer(CallPtr call);
void post_pause(CallPtr call);
void post_resume(CallPtr call);

void get_live(CallPtr call);
void get_shadow(CallPtr call);
void get_mapping(CallPtr call);

void post_receive(CallPtr call);
void post_settle(CallPtr call);

void get_dead_letters(CallPtr call);
void get_dead_letter(CallPtr call);
void post_edit(CallPtr call);
void post_redrive(CallPtr call);
void post_purge(CallPtr call);

void get_operations(CallPtr call);
void post_operation(CallPtr call);
void get_operation(CallPtr call);
void post_operation_pause(CallPtr call);
void post_operation_resume(CallPtr call);
void post_operation_cancel(CallPtr call);
void get_audit(CallPtr call);

void get_quarantine(CallPtr call);
void get_quarantine_entry(CallPtr call);
void post_resubmit_one(CallPtr call);
void post_resubmit(CallPtr call);
void delete_quarantine_entry(CallPtr call);

}  // namespace trunkline::api
