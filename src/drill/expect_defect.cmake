# Runs the drill with a planted defect and fails unless the drill says that something was lost.
file(REMOVE_RECURSE ${WORK})
execute_process(
  COMMAND ${TRUNKLINE} drill crash --defect ${DEFECT} --modes ${MODE} --points ${POINT} --kills 8 --data-dir ${WORK} --json
  OUTPUT_VARIABLE report RESULT_VARIABLE code)
string(SUBSTRING "${report}" 0 400 head)
message(STATUS "exit code ${code}: ${head}")
if(NOT code EQUAL 1)
  message(FATAL_ERROR "the drill did not see the defect ${DEFECT}")
endif()
string(JSON lost GET "${report}" lost)
if(NOT lost GREATER 0)
  message(FATAL_ERROR "the drill failed, but does not say what was lost")
endif()
string(JSON not_reached GET "${report}" not_reached)
if(NOT not_reached EQUAL 0)
  message(FATAL_ERROR "${not_reached} kills did not happen")
endif()
file(REMOVE_RECURSE ${WORK})
