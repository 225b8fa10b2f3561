#!/usr/bin/env bash
# Runs a recipe as a job of a running Ray cluster. The cluster's Ray needs its dashboard (`pip install 'ray[default]'`).
#
#   RAY_API_SERVER_ADDRESS=http://ray-head:8265 ./ray-job.sh web s3://bucket/crawl/ s3://bucket/out --languages mt,ga
#   DRY_RUN=1 ./ray-job.sh web s3://bucket/crawl/ s3://bucket/out        # prints the command instead
#
# Two jobs on one output would do each other's work twice (harmlessly: the first result wins). The job's name is made from the output, and
# Ray refuses a name that it knows; ATTEMPT=2 is how a job that died is started again, and it goes on where the first one stopped.
set -euo pipefail

if [ "$#" -lt 3 ]; then
  sed -n '2,8p' "$0" >&2
  exit 2
fi
recipe=$1 input=$2 output=$3
shift 3

here=$(cd "$(dirname "$0")" && pwd)
name="euro-curate-$(printf '%s' "$output" | cksum | cut -d ' ' -f 1)-${ATTEMPT:-1}"

command=(
  ray job submit
  --submission-id "$name"
  --runtime-env "$here/runtime_env.yaml"
  --entrypoint-num-cpus 0   # the driver only waits; tasks get the CPUs
  --
  euro-curate run "$recipe" --input "$input" --output "$output" --address auto --quiet "$@"
)

if [ -n "${DRY_RUN:-}" ]; then
  printf '%q ' "${command[@]}"
  printf '\n'
else
  exec "${command[@]}"
fi
