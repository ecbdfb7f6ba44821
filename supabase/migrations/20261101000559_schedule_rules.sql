-- The rules of a schedule: which cron expressions and time zones the worker can run. The database refuses all others
-- with a reason. A test compares these functions with the library that the worker uses (croner).

create function stepbase_private.time_zone_names()
returns text[]
language sql
immutable
set search_path = ''
as $$
  -- The IANA names, release 2026a, without abbreviations: BST is London for some and Dhaka for others.
  select array_agg(a.prefix || n.name order by a.prefix || n.name)
  from (values
    ('', '
      Cuba Egypt Eire GB-Eire GMT Greenwich Hongkong Iceland Iran Israel Jamaica Japan Kwajalein Libya Navajo
      Poland Portugal Singapore Turkey UTC Universal Zulu
    '),
    ('Africa/', '
      Abidjan Accra Addis_Ababa Algiers Asmara Asmera Bamako Bangui Banjul Bissau Blantyre Brazzaville Bujumbura
      Cairo Casablanca Ceuta Conakry Dakar Dar_es_Salaam Djibouti Douala El_Aaiun Freetown Gaborone Harare
      Johannesburg Juba Kampala Khartoum Kigali Kinshasa Lagos Libreville Lome Luanda Lubumbashi Lusaka Malabo
      Maputo Maseru Mbabane Mogadishu Monrovia Nairobi Ndjamena Niamey Nouakchott Ouagadougou Porto-Novo
      Sao_Tome Timbuktu Tripoli Tunis Windhoek
    '),
    ('America/', '
      Adak Anchorage Anguilla Antigua Araguaina Argentina/Buenos_Aires Argentina/Catamarca
      Argentina/ComodRivadavia Argentina/Cordoba Argentina/Jujuy Argentina/La_Rioja Argentina/Mendoza
      Argentina/Rio_Gallegos Argentina/Salta Argentina/San_Juan Argentina/San_Luis Argentina/Tucuman
      Argentina/Ushuaia Aruba Asuncion Atikokan Atka Bahia Bahia_Banderas Barbados Belem Belize Blanc-Sablon
      Boa_Vista Bogota Boise Buenos_Aires Cambridge_Bay Campo_Grande Cancun Caracas Catamarca Cayenne Cayman
      Chicago Chihuahua Ciudad_Juarez Coral_Harbour Cordoba Costa_Rica Coyhaique Creston Cuiaba Curacao
      Danmarkshavn Dawson Dawson_Creek Denver Detroit Dominica Edmonton Eirunepe El_Salvador Ensenada
      Fort_Nelson Fort_Wayne Fortaleza Glace_Bay Godthab Goose_Bay Grand_Turk Grenada Guadeloupe Guatemala
      Guayaquil Guyana Halifax Havana Hermosillo Indiana/Indianapolis Indiana/Knox Indiana/Marengo
      Indiana/Petersburg Indiana/Tell_City Indiana/Vevay Indiana/Vincennes Indiana/Winamac Indianapolis Inuvik
      Iqaluit Jamaica Jujuy Juneau Kentucky/Louisville Kentucky/Monticello Knox_IN Kralendijk La_Paz Lima
      Los_Angeles Louisville Lower_Princes Maceio Managua Manaus Marigot Martinique Matamoros Mazatlan Mendoza
      Menominee Merida Metlakatla Mexico_City Miquelon Moncton Monterrey Montevideo Montreal Montserrat Nassau
      New_York Nipigon Nome Noronha North_Dakota/Beulah North_Dakota/Center North_Dakota/New_Salem Nuuk Ojinaga
      Panama Pangnirtung Paramaribo Phoenix Port-au-Prince Port_of_Spain Porto_Acre Porto_Velho Puerto_Rico
      Punta_Arenas Rainy_River Rankin_Inlet Recife Regina Resolute Rio_Branco Rosario Santa_Isabel Santarem
      Santiago Santo_Domingo Sao_Paulo Scoresbysund Shiprock Sitka St_Barthelemy St_Johns St_Kitts St_Lucia
      St_Thomas St_Vincent Swift_Current Tegucigalpa Thule Thunder_Bay Tijuana Toronto Tortola Vancouver Virgin
      Whitehorse Winnipeg Yakutat Yellowknife
    '),
    ('Antarctica/', '
      Casey Davis DumontDUrville Macquarie Mawson McMurdo Palmer Rothera South_Pole Syowa Troll Vostok
    '),
    ('Arctic/', '
      Longyearbyen
    '),
    ('Asia/', '
      Aden Almaty Amman Anadyr Aqtau Aqtobe Ashgabat Ashkhabad Atyrau Baghdad Bahrain Baku Bangkok Barnaul
      Beirut Bishkek Brunei Calcutta Chita Choibalsan Chongqing Chungking Colombo Dacca Damascus Dhaka Dili
      Dubai Dushanbe Famagusta Gaza Harbin Hebron Ho_Chi_Minh Hong_Kong Hovd Irkutsk Istanbul Jakarta Jayapura
      Jerusalem Kabul Kamchatka Karachi Kashgar Kathmandu Katmandu Khandyga Kolkata Krasnoyarsk Kuala_Lumpur
      Kuching Kuwait Macao Macau Magadan Makassar Manila Muscat Nicosia Novokuznetsk Novosibirsk Omsk Oral
      Phnom_Penh Pontianak Pyongyang Qatar Qostanay Qyzylorda Rangoon Riyadh Saigon Sakhalin Samarkand Seoul
      Shanghai Singapore Srednekolymsk Taipei Tashkent Tbilisi Tehran Tel_Aviv Thimbu Thimphu Tokyo Tomsk
      Ujung_Pandang Ulaanbaatar Ulan_Bator Urumqi Ust-Nera Vientiane Vladivostok Yakutsk Yangon Yekaterinburg
      Yerevan
    '),
    ('Atlantic/', '
      Azores Bermuda Canary Cape_Verde Faeroe Faroe Jan_Mayen Madeira Reykjavik South_Georgia St_Helena Stanley
    '),
    ('Australia/', '
      ACT Adelaide Brisbane Broken_Hill Canberra Currie Darwin Eucla Hobart LHI Lindeman Lord_Howe Melbourne NSW
      North Perth Queensland South Sydney Tasmania Victoria West Yancowinna
    '),
    ('Brazil/', '
      Acre DeNoronha East West
    '),
    ('Canada/', '
      Atlantic Central Eastern Mountain Newfoundland Pacific Saskatchewan Yukon
    '),
    ('Chile/', '
      Continental EasterIsland
    '),
    ('Etc/', '
      GMT GMT+0 GMT+1 GMT+10 GMT+11 GMT+12 GMT+2 GMT+3 GMT+4 GMT+5 GMT+6 GMT+7 GMT+8 GMT+9 GMT-0 GMT-1 GMT-10
      GMT-11 GMT-12 GMT-13 GMT-14 GMT-2 GMT-3 GMT-4 GMT-5 GMT-6 GMT-7 GMT-8 GMT-9 GMT0 Greenwich UCT UTC
      Universal Zulu
    '),
    ('Europe/', '
      Amsterdam Andorra Astrakhan Athens Belfast Belgrade Berlin Bratislava Brussels Bucharest Budapest Busingen
      Chisinau Copenhagen Dublin Gibraltar Guernsey Helsinki Isle_of_Man Istanbul Jersey Kaliningrad Kiev Kirov
      Kyiv Lisbon Ljubljana London Luxembourg Madrid Malta Mariehamn Minsk Monaco Moscow Nicosia Oslo Paris
      Podgorica Prague Riga Rome Samara San_Marino Sarajevo Saratov Simferopol Skopje Sofia Stockholm Tallinn
      Tirane Tiraspol Ulyanovsk Uzhgorod Vaduz Vatican Vienna Vilnius Volgograd Warsaw Zagreb Zaporozhye Zurich
    '),
    ('Indian/', '
      Antananarivo Chagos Christmas Cocos Comoro Kerguelen Mahe Maldives Mauritius Mayotte Reunion
    '),
    ('Mexico/', '
      BajaNorte BajaSur General
    '),
    ('Pacific/', '
      Apia Auckland Bougainville Chatham Chuuk Easter Efate Enderbury Fakaofo Fiji Funafuti Galapagos Gambier
      Guadalcanal Guam Honolulu Johnston Kanton Kiritimati Kosrae Kwajalein Majuro Marquesas Midway Nauru Niue
      Norfolk Noumea Pago_Pago Palau Pitcairn Pohnpei Ponape Port_Moresby Rarotonga Saipan Samoa Tahiti Tarawa
      Tongatapu Truk Wake Wallis Yap
    '),
    ('US/', '
      Alaska Aleutian Arizona Central East-Indiana Eastern Hawaii Indiana-Starke Michigan Mountain Pacific Samoa
    ')
  ) a (prefix, names)
  cross join lateral regexp_split_to_table(btrim(a.names, e' \n'), '\s+') n (name);
$$;

comment on function stepbase_private.time_zone_names() is
  'The time zones of schedules: IANA names such as Europe/Berlin, without abbreviations other than UTC and GMT.';

create function stepbase_private.time_zone_problem(p_name text)
returns text
language plpgsql
immutable
set search_path = ''
as $$
begin
  if lower(p_name) in (select lower(z.name) from unnest(stepbase_private.time_zone_names()) z (name)) then
    return null;
  end if;
  if p_name ~ '^[A-Za-z]{1,5}([0-9][A-Za-z]*)?$' then
    return format('time zone %L is an abbreviation; use the IANA name of a place, such as Europe/Berlin', p_name);
  end if;
  if p_name ~ '[0-9]' then
    return format(
      'time zone %L is not an IANA name; a fixed offset is Etc/GMT-2 (two hours ahead of UTC)', left(p_name, 100)
    );
  end if;
  return format('time zone %L is not an IANA name such as Europe/Berlin', left(p_name, 100));
end;
$$;

comment on function stepbase_private.time_zone_problem(text) is
  'Why a schedule cannot use a time zone; null if it can. Upper and lower case are the same.';

-- Names in order: the first has the number p_low. Sunday at the end of a range is 7.
create function stepbase_private.cron_numbers(p_field text, p_names text[], p_low int)
returns text
language plpgsql
immutable
set search_path = ''
as $$
declare
  v_field text := p_field;
  v_name text;
  v_number int := p_low;
begin
  if length(p_field) < 3 then
    return p_field;
  end if;
  foreach v_name in array p_names loop
    -- A name stands alone: neither 1mon nor monday, and no step.
    if v_field ~* ('[a-z0-9/]' || v_name) or v_field ~* (v_name || '[a-z0-9]') then
      return null;
    end if;
    if v_name = 'sun' then
      v_field := regexp_replace(v_field, '-sun', '-7', 'gi');
    end if;
    v_field := regexp_replace(v_field, v_name, v_number::text, 'gi');
    v_number := v_number + 1;
  end loop;
  return v_field;
end;
$$;

comment on function stepbase_private.cron_numbers(text, text[], int) is
  'A field of a cron expression with numbers instead of names; null if a name does not stand alone.';

create function stepbase_private.cron_item(
  p_item text, p_low int, p_high int, p_length int, out numbers int[], out problem text
)
language plpgsql
immutable
set search_path = ''
as $$
declare
  v_parts text[] := regexp_match(p_item, '^(?:(\*)|(?:0*([0-9]+)(?:-0*([0-9]+))?)?)(?:/0*([0-9]+))?$');
  v_from int;
  v_to int;
  v_step int := 1;
begin
  if v_parts is null or p_item = '' then
    problem := case
      when p_item = '' then 'has an empty item'
      when p_item ~ '[A-Za-z]' then format('has an unknown name in %L', p_item)
      else format('cannot have %L', p_item)
    end;
    return;
  end if;
  if p_item like '%/%' then
    v_step := left(v_parts[4], 9)::int;
    if v_step not between 1 and p_length then
      problem := format('has the step %s, which is not in 1-%s', left(v_parts[4], 9), p_length);
      return;
    end if;
  end if;
  -- Nine digits are enough for a number that is too large.
  v_from := coalesce(left(v_parts[2], 9)::int, p_low);
  v_to := case
    when v_parts[3] is not null then left(v_parts[3], 9)::int
    when p_item like '%/%' or v_parts[1] is not null then p_low + p_length - 1
    else v_from
  end;
  if v_parts[3] is not null and v_from > v_to then
    problem := format('has the range %s, which runs backwards', left(p_item, 40));
  elsif v_from < p_low or (v_from > p_high and (v_parts[3] is not null or p_item not like '%/%')) then
    problem := format('has %s, which is not in %s-%s', v_from, p_low, p_high);
  elsif v_from + (p_high - v_from) / v_step * v_step + v_step <= v_to then
    problem := format('has the range %s, which is not in %s-%s', left(p_item, 40), p_low, p_high);
  else
    numbers := array(select generate_series(v_from, v_to, v_step));
  end if;
end;
$$;

comment on function stepbase_private.cron_item(text, int, int, int) is
  'The numbers of one item of a field: *, a number or a range, with an optional step; or its problem.';

create function stepbase_private.cron_field(
  p_name text, p_field text, p_low int, p_high int, p_length int, p_names text[], out numbers int[], out problem text
)
language plpgsql
immutable
set search_path = ''
as $$
declare
  v_field text := stepbase_private.cron_numbers(p_field, p_names, p_low);
  v_item record;
begin
  numbers := '{}';
  if v_field is null then
    problem := format('the %s %L has a name that does not stand alone', p_name, left(p_field, 40));
    return;
  end if;
  for v_item in
    select i.numbers, i.problem
    from unnest(string_to_array(v_field, ',')) with ordinality f (item, place)
    cross join lateral stepbase_private.cron_item(f.item, p_low, p_high, p_length) i
    order by f.place
  loop
    if v_item.problem is not null then
      problem := format('the %s %s', p_name, v_item.problem);
      return;
    end if;
    numbers := numbers || v_item.numbers;
  end loop;
end;
$$;

comment on function stepbase_private.cron_field(text, text, int, int, int, text[]) is
  'The numbers of a field of a cron expression, or its problem.';

create function stepbase_private.cron_problem(p_expression text)
returns text
language plpgsql
immutable
set search_path = ''
as $$
declare
  v_text text := btrim(regexp_replace(
    p_expression, '[\s\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000\ufeff]+', ' ', 'g'
  ));
  v_label text := format('cron expression %L: ', left(p_expression, 200));
  v_fields text[] := string_to_array(v_text, ' ');
  v_field record;
  v_days int[];
  v_months int[];
  v_weekdays int[];
begin
  if length(p_expression) > 1000 then
    return 'the cron expression is longer than 1000 characters';
  end if;
  if v_text ~ '[^A-Za-z0-9*/, -]' then
    return v_label || 'it may contain only numbers, names of months and weekdays, and * , - / (no ?, #, + or @daily)';
  end if;
  if cardinality(v_fields) <> 5 then
    return v_label || format(
      'it has %s fields instead of five: minute, hour, day, month, weekday', cardinality(v_fields)
    );
  end if;
  if v_fields[3] ~* '[lw]' or v_fields[5] ~* '(^|[^a-z])([0-9]+|[a-z]{3})?l([^a-z]|$)' then
    return v_label || 'L and W (last day, nearest weekday) are not supported';
  end if;
  for v_field in
    select f.name, c.numbers, c.problem
    from (
      values
        (1, 'minute', 0, 59, 60, '{}'::text[]),
        (2, 'hour', 0, 23, 24, '{}'),
        (3, 'day', 1, 31, 31, '{}'),
        (4, 'month', 1, 12, 12, '{jan,feb,mar,apr,may,jun,jul,aug,sep,oct,nov,dec}'),
        (5, 'weekday', 0, 7, 7, '{sun,mon,tue,wed,thu,fri,sat}')
    ) f (place, name, low, high, length, names)
    cross join lateral stepbase_private.cron_field(f.name, v_fields[f.place], f.low, f.high, f.length, f.names) c
    order by f.place
  loop
    if v_field.problem is not null then
      return v_label || v_field.problem;
    end if;
    -- An item such as 60/5 has no number.
    if v_field.numbers = '{}' and v_field.name not in ('day', 'weekday') then
      return v_label || format('the %s never occurs', v_field.name);
    end if;
    case v_field.name
      when 'day' then v_days := v_field.numbers;
      when 'month' then v_months := v_field.numbers;
      when 'weekday' then v_weekdays := v_field.numbers;
      else null;
    end case;
  end loop;
  -- If day and weekday are both given, either matches, and every month has every weekday.
  if v_fields[5] <> '*' and v_weekdays <> '{}' then
    return null;
  end if;
  if (v_fields[5] <> '*' and v_fields[3] = '*')
    or not exists (
      select 1 from unnest(v_months) m (month) cross join unnest(v_days) d (day)
      where d.day <= case when m.month = 2 then 29 when m.month in (4, 6, 9, 11) then 30 else 31 end
    )
  then
    return v_label || 'the day never occurs in these months';
  end if;
  return null;
end;
$$;

comment on function stepbase_private.cron_problem(text) is
  'Why a schedule cannot use a cron expression: its syntax, a number out of range, or a day that never occurs; null if '
  'it can.';
