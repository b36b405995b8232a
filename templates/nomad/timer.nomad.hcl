{% from "nomad/parts.hcl" import task, volume with context %}
# Written by homeport (`export nomad {{ target }}`) for {{ app }}: {{ name }}, {{ schedule }}. Put your own in
# overrides/nomad/timer.nomad.hcl. Only the syntax of this job has been checked.
variable "image" {
  type        = string
  description = "The image with its tag, or its digest: {{ image }}:TAG"
}

job "{{ app }}-{{ name }}" {
  namespace = {{ namespace | json }}
  type      = "batch"

  periodic {
    crons            = [{{ cron | json }}]
    time_zone        = {{ zone | json }}
    prohibit_overlap = true
  }

  group {{ name | json }} {
    count = 1

    restart {
      attempts = 0
      mode     = "fail"
    }

    reschedule {
      attempts  = 0
      unlimited = false
    }
{{ volume() }}

{{ task(name, ["timer", name], timeout_seconds) }}
    }
  }
}
