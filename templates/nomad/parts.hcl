{# What each task of the application's image has. #}
{% macro task(name, args, stop_seconds, ports=False) %}
    task {{ name | json }} {
      driver       = "docker"
      kill_signal  = "{{ stop_signal }}"
      kill_timeout = "{{ stop_seconds }}s"

      config {
        image           = var.image
        args            = {{ args | json }}
{% if ports %}
        ports           = ["http"]
{% endif %}
        init            = true
        readonly_rootfs = true
        cap_drop        = ["all"]
        security_opt    = ["no-new-privileges"]

        mount {
          type   = "tmpfs"
          target = "/tmp"
        }
{% if not keeps_state %}

        mount {
          type   = "tmpfs"
          target = {{ state | json }}
        }
{% endif %}
      }

      env {
        HOMEPORT_MIGRATE    = "no"
        FORWARDED_ALLOW_IPS = "*"
{% for one in secret_names %}
        {{ one }}_FILE = "/secrets/{{ one }}"
{% endfor %}
      }
{% if keeps_state %}

      volume_mount {
        volume      = "state"
        destination = {{ state | json }}
      }
{% endif %}
{% for one in secret_names %}

      # The application's user reads it; the folder is the task's alone.
      template {
        destination = "secrets/{{ one }}"
        perms       = "0444"
        change_mode = "restart"
        data        = "{{ "{{" }} with nomadVar \"nomad/jobs/{{ job }}\" {{ "}}{{" }} .{{ one }} {{ "}}{{" }} end {{ "}}" }}"
      }
{% endfor %}

      resources {
        cpu    = {{ processor }}
        memory = {{ memory }}
      }
{%- endmacro %}
{% macro volume() %}
{% if keeps_state %}

    # A host volume of this name has to be on a node: https://developer.hashicorp.com/nomad/docs/configuration/client
    volume "state" {
      type   = "host"
      source = "{{ app }}-state"
    }
{% endif %}
{%- endmacro %}
{% macro restarts() %}

    restart {
      attempts = 3
      interval = "5m"
      delay    = "2s"
      mode     = "delay"
    }
{%- endmacro %}
